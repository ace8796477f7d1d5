"""Batches of ids, with a position to resume from."""
