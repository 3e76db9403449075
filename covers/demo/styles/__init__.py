"""Painters of the visual styles, a few related ones in each module."""
