"""Probabilities that mean what they say: calibrators, and how far off they are."""
