"""Comparison of runs on one test set, with a test of significance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqlstm.config import Recipe
from seqlstm.errors import ArgumentError
from seqlstm.evaluation.significance import RESAMPLES
from seqlstm.recipe.load import load
from seqlstm.recipe.read import read_run_recipe, with_recorded_tokens
from seqlstm.recipe.references import read_scored_split
from seqlstm.recipe.splits import parse_source
from seqlstm.recipe.tasks.base import ComparedRuns, select_task_options
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.run.folder import RunFolder


def compare(
    paths: Sequence[Path],
    *,
    split: str = "test",
    source: str | None = None,
    resamples: int = RESAMPLES,
    weights: str = "best",
    device: str = "auto",
    precision: str = "float32",
    **options: Any,
) -> ComparedRuns:
    """Compare each further run with the first, on a split of the first one's data.

    Args:
        paths: run folders.
        split: of the data, such as "test" or "validation+test".
        source: other data than that of the first run's recipe, with the same columns; also files
            by split, as a table in TOML.
        resamples: of the paired bootstrap.
        weights, device, precision: as `load` takes them.
        options: as `evaluate_each` takes them.

    Raises:
        ArgumentError: fewer than two runs, runs of different tasks, or an option that cannot take
            effect.
        DataError: a single row, which cannot be resampled.
    """
    if len(paths) < 2:
        raise ArgumentError("a comparison needs two runs or more", hint="seqlstm compare RUN RUN")
    check_distinct(paths)
    folders = [RunFolder.open(path) for path in paths]
    recipes = {
        str(folder.path): with_recorded_tokens(
            read_run_recipe(folder), folder.card_contents.tokenize
        )
        for folder in folders
    }
    check_same_task(recipes)
    first = next(iter(recipes.values()))
    task = TASKS[first.task]
    task.check_comparison(recipes)
    task_options: dict[str, Any] = {}
    for path in recipes:
        task_options = select_task_options(path, task, options)
    task.check_evaluation(first, task_options)
    files = task_options.get("references")
    corpus = read_scored_split(first, split, source=parse_source(source), files=files)
    compared = task.compare(
        recipes,
        corpus,
        load=lambda path: load(path, weights=weights, device=device, precision=precision),
        resamples=resamples,
        options=task_options,
    )
    return replace(compared, notes=corpus.notes)


def check_distinct(paths: Sequence[Path]) -> None:
    """Make sure that no run is named twice.

    Raises:
        ArgumentError: one is.
    """
    folders = [path.resolve() for path in paths]
    for number, path in enumerate(paths):
        if folders[number] in folders[:number]:
            raise ArgumentError(f"{path} is named twice: a run is no better than itself")


def check_same_task(recipes: dict[str, Recipe]) -> None:
    """Make sure that all runs have the first one's task.

    Raises:
        ArgumentError: one has another.
    """
    (first, ours), *others = recipes.items()
    for path, theirs in others:
        if theirs.task != ours.task:
            nouns = TASKS[ours.task].noun, TASKS[theirs.task].noun
            raise ArgumentError(
                f"{first} is {nouns[0]} and {path} is {nouns[1]}: they cannot compete"
            )
