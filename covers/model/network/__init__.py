"""The network itself: backbone, head, and what makes it answer quickly."""
