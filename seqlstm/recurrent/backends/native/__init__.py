"""The native backend: a cell's equations, traced, written as C and compiled."""
