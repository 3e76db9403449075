"""Which words say what clusters, genres and parts of the map look like."""
