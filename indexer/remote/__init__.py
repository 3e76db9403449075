"""Stores of vectors on database servers."""
