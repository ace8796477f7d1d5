"""Sweeps: train variants of a recipe with several seeds, and compare their scores."""
