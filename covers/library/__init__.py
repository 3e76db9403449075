"""The front door: one collection of covers, and everything that can be asked of it."""
