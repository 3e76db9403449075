"""Changes of an index: planned, written beside, published in one step."""
