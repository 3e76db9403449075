"""How well genres are told apart, on covers that nothing was fitted on."""
