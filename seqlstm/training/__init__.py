"""The training loop, objectives, optimizers, schedules and averaging; independent of text."""
