"""Recipes: TOML to frozen, strict pydantic models and back, with a report of all mistakes."""

from seqlstm.config.components import Catalogue
from seqlstm.config.parse import parse, read_overrides, read_table
from seqlstm.config.recipe import Recipe

__all__ = ["Catalogue", "Recipe", "parse", "read_overrides", "read_table"]
