"""The catalogue: one row per distinct cover, with genres, artists and splits."""
