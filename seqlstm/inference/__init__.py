"""Inference with trained models: raw text in, raw text out."""
