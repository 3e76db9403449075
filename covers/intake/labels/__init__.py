"""What sources say of covers: genres cut to lists of names, and labels in columns."""
