"""How results are drawn: colours, charts and contact sheets."""
