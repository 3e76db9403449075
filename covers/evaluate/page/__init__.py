"""An evaluation as a page and as tables for spreadsheets."""
