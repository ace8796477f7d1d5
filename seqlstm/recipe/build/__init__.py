"""From the sections of a recipe to models, optimizers and schedules."""
