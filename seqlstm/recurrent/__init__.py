"""Recurrent cells, backends that run them over time, layers and stacks, over feature tensors."""
