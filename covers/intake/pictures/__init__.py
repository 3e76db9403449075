"""Reading pictures side by side."""
