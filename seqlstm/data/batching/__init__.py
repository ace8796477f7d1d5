"""Training batches of ids, which can be resumed at any position."""
