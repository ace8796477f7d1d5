"""Layers that are not recurrent: linear maps and dropout, over the kernels."""
