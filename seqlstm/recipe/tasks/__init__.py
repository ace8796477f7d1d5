"""The tasks that a recipe can name, one a file: how each is checked, trained, scored and loaded."""
