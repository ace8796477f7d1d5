"""Recurrent models of text: LSTM language models and translators."""

__version__ = "0.1.0"
