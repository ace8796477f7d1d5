"""Text <-> ids. The only place that imports sentencepiece."""
