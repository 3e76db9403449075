"""Intake: from files, folders, manifests and music libraries to one row per cover."""
