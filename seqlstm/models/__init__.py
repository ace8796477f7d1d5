"""Language models and translators. Their inputs are ids, not strings."""
