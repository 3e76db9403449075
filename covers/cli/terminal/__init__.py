"""How commands speak to a terminal: words, tables, bars, and errors in one line."""
