"""Evaluation metrics of language models and translations; each score has a signature."""
