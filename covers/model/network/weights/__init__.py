"""Weights as others publish them: on a hub, in a package, in a file."""
