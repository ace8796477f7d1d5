"""The native backend: a cell's equations are traced, written as C and compiled."""
