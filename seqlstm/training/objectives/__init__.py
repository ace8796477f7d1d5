"""Objectives: what training minimizes, one a file."""
