"""Reading the pictures of a scan: one, many side by side, the first good one of each cover."""
