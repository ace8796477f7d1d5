"""Recurrences over sequences of features. Knows torch, and no words."""
