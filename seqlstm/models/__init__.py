"""The two models. They eat ids, never strings."""
