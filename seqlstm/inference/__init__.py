"""Trained models as people use them: raw text in, raw text out."""
