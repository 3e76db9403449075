"""The last layers of the network, fitted in closed form, and their predictions across folds."""
