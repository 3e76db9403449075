"""The map: all covers in two dimensions, and the parts of it."""
