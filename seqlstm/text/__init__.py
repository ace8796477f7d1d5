"""Tokenization: text to ids and back. The only package that imports sentencepiece."""
