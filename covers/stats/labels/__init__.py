"""Several independent genres per cover: their figures, and how they are fitted."""
