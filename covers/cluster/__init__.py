"""What kinds of covers there are: clusters, and a map of all covers."""
