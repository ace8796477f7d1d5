"""Evaluation of a run on its own or other data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqlstm.recipe.load import load, load_ensemble
from seqlstm.recipe.read import read_run_recipe, with_recorded_tokens
from seqlstm.recipe.references import read_scored_split, refuse_shared_files
from seqlstm.recipe.splits import parse_source
from seqlstm.recipe.tasks.base import Evaluation, select_task_options
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.run.folder import RunFolder


def evaluate(path: Path, *, source: str | None = None, **options: Any) -> Evaluation:
    """Score the run in a folder.

    Args:
        path: the run folder.
        source: other data than the recipe's, as for `evaluate_each`.
        options: as for `evaluate_each`.

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
    """Score the run in a folder on several sources; all are read before any is scored.

    Args:
        path: the run folder.
        sources: data sets with the recipe's columns, or files by split as a table in TOML; None
            for the recipe's own.
        others: runs whose probabilities are averaged with those of a translator.
        split: of each source, such as "test" or "validation+test".
        weights, device, precision: as for `load`.
        options: of the run's task; None and False are ignored. For a translator: `beam_size`,
            `length_penalty` and `batch` of its search; `tokenize`, which tokens BLEU counts, and
            `references`, files of further references, instead of the recipe's; `lowercase`,
            whether to report BLEU and chrF of lower-cased text; `output`, whether translations are
            wanted. For a language model:
            `context` ("carried", "reset" or "sliding"); `streams` that are read side by side
            (faster, but each starts without context); `min_context` of sliding windows;
            `documents`, whether to report scores of each document or line; `dynamic` evaluation and
            a neural `cache`, reported beside the static scores.

    Raises:
        ArgumentError: an option that cannot take effect on this run.
    """
    folder = RunFolder.open(path)
    recipe = with_recorded_tokens(read_run_recipe(folder), folder.card_contents.tokenize)
    task = TASKS[recipe.task]
    task_options = select_task_options(path, task, {"with": list(others) or None, **options})
    task.check_evaluation(recipe, task_options)
    files = task_options.get("references")
    refuse_shared_files(files, sources)
    corpora = [
        read_scored_split(recipe, split, source=parse_source(name), files=files) for name in sources
    ]
    loading = {"weights": weights, "device": device, "precision": precision}
    loaded = load_ensemble(path, others, **loading) if others else load(path, **loading)
    evaluations = task.evaluate(recipe, loaded, corpora, task_options)
    return [
        replace(evaluation, notes=corpus.notes)
        for evaluation, corpus in zip(evaluations, corpora, strict=True)
    ]
