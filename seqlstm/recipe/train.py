"""Training of a recipe: start a run, or resume it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from seqlstm.config import Recipe
from seqlstm.errors import ArgumentError, DataError, Mistake, RecipeError, RunError
from seqlstm.recipe.build.model import build_model, choose_backends
from seqlstm.recipe.build.training import (
    build_average,
    build_optimizer,
    build_plan,
    build_schedule,
)
from seqlstm.recipe.corpus import read_corpus
from seqlstm.recipe.read import read_run_recipe, resolved_text, with_recorded_tokens
from seqlstm.recipe.tasks.base import RunCorpus
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.run.folder import RunFolder
from seqlstm.runtime.device import choose_device, choose_precision
from seqlstm.runtime.memory import set_num_threads, tune_allocator
from seqlstm.runtime.signals import StopRequest
from seqlstm.text.tokenizer_pair import TokenizerPair
from seqlstm.training.loop import TrainingLoop
from seqlstm.training.progress import TrainingReport
from seqlstm.training.weights import set_weights

END_KEYS = {"steps", "epochs", "minutes", "patience", "save_every"}


class EndedError(RunError):
    """A run that has ended and cannot be resumed."""


@dataclass(frozen=True)
class Prepared:
    """A run that is ready to train.

    Attributes:
        loop: the training loop.
        folder: the run folder.
        notes: lines to print on data, tokenizer, model, precision and backends.
        warnings: lines to print.
    """

    loop: TrainingLoop
    folder: RunFolder
    notes: list[str]
    warnings: list[str]

    def run(self, stop: StopRequest | None = None) -> Iterator[TrainingReport]:
        """Train, and write the log."""
        for report in self.loop.run(stop):
            self.folder.write_log(report)
            yield report


def start(
    recipe: Recipe, path: Path, *, overwrite: bool = False, origin: Path | None = None
) -> Prepared:
    """Prepare a new run in a new folder.

    Nothing is written or replaced before everything is read and built.

    Args:
        recipe: the recipe.
        path: of the run folder.
        overwrite: whether to replace a run in that folder.
        origin: folder of a run whose weights and tokenizers are the start.

    Raises:
        UserError: the recipe, its data or tokenizer, or the folder cannot be used.
    """
    folder = RunFolder(path)
    folder.check_can_create(overwrite=overwrite)
    parent = RunFolder.open(origin) if origin else None
    if parent and parent.path.resolve() == path.resolve():
        raise ArgumentError(f"{path} cannot start from itself")
    corpora = read_corpus(recipe, parent_tokenizers(recipe, parent) if parent else None)
    prepared = prepare(recipe, folder, corpora, parent)
    folder.create(recipe=resolved_text(recipe))
    folder.save_tokenizers(corpora.tokenizers)
    folder.write_card(card(corpora, prepared, origin))
    return prepared


def parent_tokenizers(recipe: Recipe, parent: RunFolder) -> TokenizerPair:
    """The tokenizers of the run that a recipe starts from.

    Raises:
        ArgumentError: they are joint and the recipe's are not, or the other way round.
    """
    tokenizers = parent.read_tokenizers()
    if tokenizers.is_joint != recipe.tokenizer.joint:
        has = "one tokenizer of both sides" if tokenizers.is_joint else "a tokenizer of each side"
        raise ArgumentError(
            f"{parent.path} has {has}, and the recipe asks for the contrary",
            hint=f"Take [tokenizer] from {parent.recipe}.",
        )
    return tokenizers


def resume(recipe: Recipe, path: Path) -> Prepared:
    """Prepare to resume the run in a folder from its last checkpoint.

    Raises:
        RecipeError: the recipe differs from the run's in more than the end of training.
        DataError: the data have changed since the run began.
        RunError: there is no run, its checkpoint is damaged, or its tokenizer has changed.
        EndedError: it has ended.
    """
    folder = RunFolder.open(path)
    check_same(read_run_recipe(folder), recipe, path)
    before = folder.read_card()
    settled = with_recorded_tokens(recipe, before.get("tokenize"))
    corpora = read_corpus(settled, folder.read_tokenizers() if folder.holds_tokenizers() else None)
    fingerprints = before.get("data", {}).get("fingerprints", corpora.fingerprints)
    if fingerprints != corpora.fingerprints:
        raise DataError(
            f"the data have changed since this run began: {fingerprints}, now "
            f"{corpora.fingerprints}",
            hint="Restore them, or start a new run.",
        )
    fingerprint = before.get("tokenizer", corpora.tokenizers.fingerprint)
    if fingerprint != corpora.tokenizers.fingerprint:
        raise RunError(
            f"the tokenizer has changed since this run began: {fingerprint}, now "
            f"{corpora.tokenizers.fingerprint}",
            hint="Restore it, or start a new run.",
        )
    origin, begun = before.get("origin"), folder.checkpoint.is_file()
    parent = RunFolder.open(Path(origin)) if origin and not begun else None
    prepared = prepare(settled, folder, corpora, parent)
    if begun:
        load_checkpoint(prepared.loop, folder)
    step = prepared.loop.progress.step
    if reason := prepared.loop.end_reason():
        raise EndedError(
            f"{path} has ended at step {step}: {reason}",
            hint="A later end makes it go on: training.steps=N, training.epochs=N or --minutes N.",
        )
    folder.write_recipe(resolved_text(recipe))
    folder.truncate_log(step)
    folder.save_tokenizers(corpora.tokenizers)
    folder.write_card(card(corpora, prepared, origin))
    return prepared


def load_checkpoint(loop: TrainingLoop, folder: RunFolder) -> None:
    contents = folder.read_checkpoint()
    try:
        loop.load_state_dict(contents)
    except (KeyError, TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise RunError(f"{folder.checkpoint} belongs to another run: {error}") from error


def check_same(old: Recipe, new: Recipe, path: Path) -> None:
    """Make sure that two recipes differ in the end of training at most.

    Raises:
        RecipeError: with every other key that differs.
    """
    before, after = flat(old.model_dump()), flat(new.model_dump())
    allowed = {f"training.{key}" for key in END_KEYS}
    mistakes = [
        Mistake(key, f"the run has {before.get(key)}, the recipe {after.get(key)}")
        for key in sorted(before.keys() | after.keys())
        if key not in allowed and before.get(key) != after.get(key)
    ]
    if mistakes:
        where = f"{path} cannot be resumed with another recipe ({path}/recipe.toml is its own)"
        raise RecipeError(where, mistakes)


def flat(table: dict[str, object], prefix: str = "") -> dict[str, object]:
    """The values of nested tables by dotted key."""
    result: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = value
    return result


def prepare(
    recipe: Recipe, folder: RunFolder, corpora: RunCorpus, origin: RunFolder | None
) -> Prepared:
    """Build the model and the training loop of a run."""
    tune_allocator()
    set_num_threads(recipe.threads)
    device = choose_device(recipe.device)
    precision = choose_precision(recipe.precision, device)
    torch.manual_seed(recipe.seed)
    model = build_model(recipe, corpora.tokenizers.vocab_sizes)
    if origin:
        set_weights(model, origin.read_weights())
    model.to(device)
    task, validation = TASKS[recipe.task], None
    if corpora.validation is not None:
        validation = task.make_validation(recipe, model, corpora, precision)
    loop = TrainingLoop(
        model,
        task.make_batches(recipe, corpora),
        objective=task.build_objective(recipe),
        optimizer=build_optimizer(recipe.training, model),
        schedule=build_schedule(recipe.training),
        plan=build_plan(recipe.training),
        precision=precision,
        average=build_average(recipe.training),
        store=folder,
        compute_metrics=validation,
    )
    with precision.autocast():  # a backend's speed depends on the products' precision
        backends = choose_backends(recipe, model)
    same = set(backends.values())
    notes = [
        *corpora.report,
        *(
            f"{name}: {tokenizer.model_type}, {tokenizer.vocab_size:,} pieces"
            for name, tokenizer in corpora.tokenizers.by_name.items()
        ),
        f"model: {sum(p.numel() for p in model.parameters()):,} parameters",
        f"precision: {precision.name} on {device} ({precision.reason})",
        *([f"backend: {same.pop()}"] if len(same) == 1 else map(": ".join, backends.items())),
    ]
    return Prepared(loop, folder, notes, corpora.warnings)


def card(corpora: RunCorpus, prepared: Prepared, origin: Path | str | None) -> dict[str, object]:
    """The run's card: a record of its data and tokenizer, which `resume` checks, and more."""
    data = {
        "fingerprints": corpora.fingerprints,
        "notes": prepared.notes,
        "warnings": prepared.warnings,
    }
    start_from = {"origin": str(Path(origin).resolve())} if origin else {}
    tokens = {"tokenize": corpora.tokenize} if corpora.tokenize else {}
    return {"data": data, "tokenizer": corpora.tokenizers.fingerprint, **tokens, **start_from}
