"""Files of an index: written whole, checked before they are believed."""
