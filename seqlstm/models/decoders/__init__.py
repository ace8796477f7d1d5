"""The decoders of a translator, from one that is parallel over time to one without attention."""
