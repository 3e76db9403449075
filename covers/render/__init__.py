"""How results are drawn: colours, scales, charts and tables."""
