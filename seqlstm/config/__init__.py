"""A recipe as text: TOML to frozen, strict models and back, and every mistake in it at once."""

from seqlstm.config.components import Catalogue
from seqlstm.config.parse import parse, read_overrides, read_table
from seqlstm.config.recipe import Recipe

__all__ = ["Catalogue", "Recipe", "parse", "read_overrides", "read_table"]
