"""The index of a workspace: embeddings and catalogue, as a vector store."""
