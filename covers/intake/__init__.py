"""Intake: from folders, manifests and music libraries to the catalogue."""
