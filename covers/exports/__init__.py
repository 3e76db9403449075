"""What other programs can open: one wide table of all covers, and one small function per target."""
