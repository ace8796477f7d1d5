"""`seqlstm check`: validate a recipe and show what it trains."""

from __future__ import annotations

from rich.syntax import Syntax

from seqlstm.cli.console import out, table, warn, write
from seqlstm.cli.options import Overrides, Recipe


def check(recipe: Recipe, overrides: Overrides = None) -> None:
    """List all mistakes of a recipe, or show what it trains.

    Prints the resolved recipe, the parameters of each part, the backend of each layer and why a
    faster one cannot be used, the number of tokens in an epoch, and the memory that
    training needs at least. Writes no file.
    """
    from seqlstm.recipe.preview import preview

    found = preview(recipe, overrides or [])
    if out.is_terminal:
        out.print(Syntax(found.text, "toml", background_color="default"))
    else:
        write(found.text)
    parts = table("part", "parameters")
    for part, count in found.parameters.items():
        parts.add_row(part, f"{count:,}")
    parts.add_row("all", f"{sum(found.parameters.values()):,}", style="bold")
    out.print(parts)
    backends = table("\nlayer", "\nbackend")
    printed: set[str] = set()
    for layer, backend in found.backends.items():
        # The same reasons are printed only once.
        backends.add_row(layer, backend.partition(" (")[0] if backend in printed else backend)
        printed.add(backend)
    out.print(backends, soft_wrap=False)
    out.print(f"\n{found.data}\n{found.tokens:,} tokens an epoch")
    out.print(f"memory: {found.memory}")
    for warning in found.warnings:
        warn(warning)
