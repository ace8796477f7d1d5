"""The text in which a run's units are looked for, unless somebody names another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seqlstm.errors import ArgumentError
from seqlstm.recipe.corpora import read_split
from seqlstm.recipe.find import read_run_recipe
from seqlstm.run import RunFolder


def validation_rows(run: Path) -> Sequence[str]:
    """Documents or lines of the validation split of a language model's recipe.

    Raises:
        ArgumentError: its rows are questions and answers.
        DataError: it has no such split, or it is out of reach.
    """
    data = read_run_recipe(RunFolder.open(run)).data
    if data.answer is not None:
        raise ArgumentError(
            f"{run} learned from texts with answers, which are no text to look for units in",
            hint="Name one: --on FILE.",
        )
    return read_split(data, "validation").texts
