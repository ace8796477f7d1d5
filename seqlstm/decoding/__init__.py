"""Beam search, greedy search and sampling. Knows one function of a model: its step."""
