"""A recipe into a trained run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from seqlstm.config import Recipe, parse, read_table
from seqlstm.config.sections import Tapes
from seqlstm.data.sources import Corpus
from seqlstm.errors import Mistake, RecipeError, RunError
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.translator import Translator
from seqlstm.recipe.build import (
    build_average,
    build_model,
    build_optimizer,
    build_plan,
    build_schedule,
    engines_by_layer,
)
from seqlstm.recipe.corpora import clean, make_batches, make_tokenizer, read_corpora
from seqlstm.recipe.find import CATALOGUE
from seqlstm.recipe.validate import make_validation
from seqlstm.run import RunFolder
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.training.interrupt import StopRequest
from seqlstm.training.loop import Loop
from seqlstm.training.precision import (
    choose_device,
    choose_precision,
    keep_memory,
    use_threads,
)
from seqlstm.training.progress import Report
from seqlstm.training.weights import set_weights

ENDS = {"steps", "epochs", "minutes", "patience", "save_every"}


@dataclass(frozen=True)
class Prepared:
    """A run that is ready to train."""

    loop: Loop
    folder: RunFolder
    notes: list[str]
    warnings: list[str]

    def run(self, stop: StopRequest | None = None) -> Iterator[Report]:
        """Train, and keep the log."""
        for report in self.loop.run(stop):
            self.folder.write_log(report)
            yield report


def start(
    recipe: Recipe,
    path: Path,
    *,
    overwrite: bool = False,
    origin: Path | None = None,
) -> Prepared:
    """A new run in a new folder.

    Args:
        recipe: what to train.
        path: of the run folder.
        overwrite: replace a run that stands there.
        origin: a run whose weights and tokenizer to start from.
    """
    folder = RunFolder.create(path, recipe=recipe.text(), overwrite=overwrite)
    return prepare(recipe, folder, origin=RunFolder.open(origin) if origin else None)


def resume(recipe: Recipe, path: Path) -> Prepared:
    """The run that stands in a folder, from its last checkpoint.

    Raises:
        RecipeError: the recipe is another than the run's; when it ends may differ.
        RunError: there is no run, or it has ended.
    """
    folder = RunFolder.open(path)
    check_same(read_run_recipe(folder), recipe, path)
    prepared = prepare(recipe, folder)
    if folder.checkpoint.is_file():
        prepared.loop.load_state_dict(folder.read_checkpoint())
        folder.truncate_log(prepared.loop.progress.step)
    if reason := prepared.loop.end():
        raise RunError(
            f"{path} has ended at step {prepared.loop.progress.step}: {reason}",
            hint="A later end makes it go on: training.steps=N, training.epochs=N or --minutes N.",
        )
    return prepared


def read_run_recipe(folder: RunFolder) -> Recipe:
    return parse(read_table(folder.recipe), where=str(folder.recipe), catalogue=CATALOGUE)


def check_same(old: Recipe, new: Recipe, path: Path) -> None:
    """Refuse to go on with a recipe that differs in more than its end."""
    before, after = flat(old.model_dump()), flat(new.model_dump())
    free = {f"training.{key}" for key in ENDS}
    mistakes = [
        Mistake(key, f"the run has {before.get(key)}, the recipe {after.get(key)}")
        for key in sorted(before.keys() | after.keys())
        if key not in free and before.get(key) != after.get(key)
    ]
    if mistakes:
        raise RecipeError(f"{path} cannot be resumed with another recipe", mistakes)


def flat(table: dict[str, object], prefix: str = "") -> dict[str, object]:
    """Nested tables as one, by dotted key."""
    result: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = value
    return result


def prepare(recipe: Recipe, folder: RunFolder, *, origin: RunFolder | None = None) -> Prepared:
    """Data, tokenizer, model and loop of a run."""
    began = time.monotonic()
    keep_memory()
    use_threads(recipe.threads)
    device = choose_device(recipe.device)
    precision = choose_precision(recipe.precision, device)
    train, validation, warnings = read_corpora(recipe)
    tokenizer = keep_tokenizer(recipe, folder, train, origin)
    train, line = clean(recipe, train, tokenizer)
    lines = [line]
    if validation:
        lines.append(f"{validation.name} {validation.split}: {len(validation):,} rows")
    torch.manual_seed(recipe.seed)
    model = build_model(recipe, tokenizer.vocabulary)
    if origin:
        set_weights(model, origin.read_weights())
    model.to(device)
    loop = Loop(
        model,
        make_batches(recipe, train, tokenizer),
        optimizer=build_optimizer(recipe.training, model),
        schedule=build_schedule(recipe.training),
        plan=build_plan(recipe.training),
        precision=precision,
        average=build_average(recipe.training),
        keeper=folder,
        validate=make_validation(recipe, model, tokenizer, validation, precision),
    )
    notes = [
        *lines,
        *(
            [f"{validation.name} {validation.split}: {len(validation):,} rows"]
            if validation
            else []
        ),
        f"tokenizer: {tokenizer.kind}, {tokenizer.vocabulary:,} pieces",
        f"model: {sum(p.numel() for p in model.parameters()):,} parameters",
        f"precision: {precision.name} on {device} ({precision.reason})",
        *engine_notes(recipe, model),
        f"ready in {time.monotonic() - began:.1f} s",
    ]
    facts = {"data": {"train": train.fingerprint, "notes": notes, "warnings": warnings}}
    folder.write_card(facts | {"tokenizer": tokenizer.fingerprint})
    return Prepared(loop, folder, notes, warnings)


def engine_notes(recipe: Recipe, model: LanguageModel | Translator) -> list[str]:
    """The engine of every layer; one line if they agree."""
    layout = recipe.data.layout
    engines = engines_by_layer(model, resets=isinstance(layout, Tapes) and layout.resets)
    if len(set(engines.values())) == 1:
        return [f"engine: {next(iter(engines.values()))}"]
    return [f"engine of {layer}: {engine}" for layer, engine in engines.items()]


def keep_tokenizer(
    recipe: Recipe, folder: RunFolder, train: Corpus, origin: RunFolder | None
) -> Tokenizer:
    """The run's tokenizer: what its folder holds, or the origin's, or the recipe's."""
    if folder.tokenizer.is_file():
        return Tokenizer.load(folder.tokenizer)
    tokenizer = Tokenizer.load(origin.tokenizer) if origin else make_tokenizer(recipe, train)
    tokenizer.save(folder.tokenizer)
    return tokenizer
