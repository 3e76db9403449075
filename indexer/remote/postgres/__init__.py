"""A store of vectors in a table of PostgreSQL with pgvector."""
