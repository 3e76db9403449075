"""Which genres look alike, and how certain that is."""
