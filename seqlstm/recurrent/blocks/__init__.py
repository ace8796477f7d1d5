"""Residual blocks: layers of a `BlockStack`."""
