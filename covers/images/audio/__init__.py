"""Tags and pictures inside music files."""
