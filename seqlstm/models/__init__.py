"""Language models and translators. Inputs are ids, never strings."""
