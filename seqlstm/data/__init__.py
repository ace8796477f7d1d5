"""Corpora: sources of text, cleaning, and batches of ids."""
