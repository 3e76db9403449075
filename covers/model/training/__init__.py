"""Training: the recipe, the head, then the whole network."""
