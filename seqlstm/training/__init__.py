"""The training loop and what it needs. Knows models and batches, and no text."""
