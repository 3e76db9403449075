"""Manifests: tables with one line per cover."""
