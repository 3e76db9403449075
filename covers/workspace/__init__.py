"""A workspace: where everything lies, its settings, and the artefacts in it."""
