"""The composition root: builds, trains, evaluates and loads what a recipe describes."""
