"""One chart kit for report, pages and dashboard: scales, axes, marks, and what is drawn with them."""
