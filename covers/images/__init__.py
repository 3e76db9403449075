"""Pictures: decoded, measured, compared; and the pictures inside music files."""
