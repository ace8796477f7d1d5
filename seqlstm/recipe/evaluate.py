"""Evaluation of a run on a split of its own data or of other data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqlstm.recipe.load import load, load_ensemble
from seqlstm.recipe.read import read_run_recipe
from seqlstm.recipe.splits import parse_source, read_split
from seqlstm.recipe.tasks.base import Evaluation, refuse_unused_options
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.run.folder import RunFolder


def evaluate(path: Path, *, source: str | None = None, **options: Any) -> Evaluation:
    """Score the run in a folder.

    Args:
        path: the run folder.
        source: other data than the recipe's, as `evaluate_each` takes them.
        options: as `evaluate_each` takes them.

    Raises:
        ArgumentError: an option that cannot take effect on this run.
    """
    (evaluation,) = evaluate_each(path, [source], **options)
    return evaluation


def evaluate_each(
    path: Path,
    sources: Sequence[str | None],
    *,
    others: Sequence[Path] = (),
    split: str = "test",
    weights: str = "best",
    device: str = "auto",
    precision: str = "float32",
    **options: Any,
) -> list[Evaluation]:
    """Score the run in a folder on several sources; all are read before the first is scored.

    Args:
        path: the run folder.
        sources: of data with the columns of the recipe's, or files by split as a table in TOML;
            None for the recipe's own.
        others: runs whose probabilities are averaged with those of a translator.
        split: of each; sums too, as in "validation+test".
        weights, device, precision: as `load` takes them.
        options: of the run's task; None and False are not given. A translator: `beam_size`,
            `length_penalty` and `batch` of its search; `lowercase`, whether BLEU and chrF of
            lower-cased text are wanted; `output`, whether translations are wanted. A language
            model: `context` ("carried", "reset" or "sliding"), `streams` read side by side (faster,
            but each begins without context), `min_context` of sliding windows, `documents`,
            whether scores of each document or line are wanted; `dynamic` evaluation and a `cache`,
            reported beside the static scores.

    Raises:
        ArgumentError: an option that cannot take effect on this run.
    """
    recipe = read_run_recipe(RunFolder.open(path))
    task = TASKS[recipe.task]
    given = refuse_unused_options(path, task, {"with": list(others) or None, **options})
    task.check_evaluation(recipe, given)
    corpora = [read_split(recipe.data, split, source=parse_source(name)) for name in sources]
    loading = {"weights": weights, "device": device, "precision": precision}
    loaded = load_ensemble(path, others, **loading) if others else load(path, **loading)
    return task.evaluate(recipe, loaded, corpora, given)
