"""The labels that sources give to covers: genres cut to lists of names, and labels in columns."""
