"""Beam search, greedy search and sampling. All they need of a model is its step function."""
