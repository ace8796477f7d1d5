"""Beam search, greedy search and sampling. Of a model they need its step function alone."""
