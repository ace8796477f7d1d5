"""The decoders of a translator: parallel over time, autoregressive, or without attention."""
