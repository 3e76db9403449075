"""Checks that an evaluation must pass before its figures are written.

They catch what published cover-genre results have suffered from: covers or
artists on both sides of the split, predictions and labels in different orders,
figures that do not follow from their own confusion matrix.
"""
