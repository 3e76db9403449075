"""Near-duplicate covers: pairs that show one design, found among very many, and their groups."""
