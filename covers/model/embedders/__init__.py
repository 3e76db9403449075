"""Embedders: what turns pictures, and some of them words, into vectors that can be compared."""
