"""Text from anywhere, and training batches of it."""
