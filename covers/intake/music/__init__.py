"""Music libraries: albums, their pictures, notes and discs."""
