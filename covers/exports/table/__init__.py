"""The one wide table of covers that every export is written from."""
