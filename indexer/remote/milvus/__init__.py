"""A store of vectors in collections of Milvus."""
