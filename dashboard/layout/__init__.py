"""What all pages share: headings, galleries, covers as HTML."""
