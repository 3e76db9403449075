"""What a person should look at: duplicates, bad pictures and doubtful labels."""
