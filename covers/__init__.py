"""Embedding search and analysis for album covers."""
