"""The front door: one collection of covers, and everything that it answers."""
