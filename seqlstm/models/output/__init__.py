"""Output layers: from features to logits, or straight to a loss."""
