"""Files of an index, one module for each kind: written whole, checked before they are used."""
