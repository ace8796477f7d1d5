"""Sessions on a terminal."""
