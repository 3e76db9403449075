"""Genres that a cover may belong to: votes, calibration and prediction sets."""
