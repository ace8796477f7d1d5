"""Figures; the only package that imports matplotlib, besides sweep/plot.py."""
