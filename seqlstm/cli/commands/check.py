"""`seqlstm check`: what a recipe would do."""

from __future__ import annotations

from rich.syntax import Syntax

from seqlstm.cli.console import out, table, warn
from seqlstm.cli.options import Overrides, Recipe


def check(recipe: Recipe, overrides: Overrides = None) -> None:
    """Name every mistake of a recipe at once, or show what it would train.

    Prints the recipe resolved, the parameters of each part, the backend that serves each layer and
    why the faster ones refuse, and how many tokens an epoch has. Nothing is written.
    """
    from seqlstm.recipe.preview import preview

    found = preview(recipe, overrides or [])
    if out.is_terminal:
        out.print(Syntax(found.text, "toml", background_color="default"))
    else:
        out.print(found.text, markup=False)
    parts = table("part", "parameters")
    for part, count in found.parameters.items():
        parts.add_row(part, f"{count:,}")
    parts.add_row("all", f"{sum(found.parameters.values()):,}", style="bold")
    out.print(parts)
    backends = table("\nlayer", "\nengine")
    said: set[str] = set()
    for layer, backend in found.backends.items():
        # Reasons that stand above already are not said again.
        backends.add_row(layer, backend.partition(" (")[0] if backend in said else backend)
        said.add(backend)
    out.print(backends, soft_wrap=False)
    out.print(f"\n{found.data}\n{found.tokens:,} tokens an epoch", markup=False)
    for warning in found.warnings:
        warn(warning)
