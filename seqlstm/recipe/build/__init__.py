"""Builders: from the sections of a recipe to models, objectives, optimizers and schedules."""
