"""The conclusions of an evaluation in words, and the one sentence above them."""
