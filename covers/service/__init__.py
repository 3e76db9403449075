"""The HTTP service: parses a request, asks the library, sends what it answers."""
