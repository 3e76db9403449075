"""The head without steps: what it is fitted on, its closed form, and what it says of covers it has not seen."""
