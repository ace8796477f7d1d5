"""Residual blocks, which take a layer's place in a stack."""
