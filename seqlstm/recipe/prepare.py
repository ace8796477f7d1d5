"""A run that is ready to train: model, loop and card."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch
from torch import nn

from seqlstm.config import Recipe
from seqlstm.nn.compiled import are_kernels_compiled
from seqlstm.recipe.build.model import build_model, choose_backends
from seqlstm.recipe.build.training import (
    build_average,
    build_optimizer,
    build_plan,
    build_schedule,
)
from seqlstm.recipe.changes import recipe_digest
from seqlstm.recipe.memory_estimate import refuse_large
from seqlstm.recipe.read import resolved_text
from seqlstm.recipe.tasks.base import RunCorpus
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.run.card import Card, CardData, make_card
from seqlstm.run.folder import RunFolder
from seqlstm.run.lock import FolderLock
from seqlstm.runtime.device import Precision, choose_device, choose_precision
from seqlstm.runtime.files import Weights
from seqlstm.runtime.memory import tune_allocator
from seqlstm.runtime.signals import StopRequest
from seqlstm.runtime.threads import set_num_threads
from seqlstm.training.loop import TrainingLoop
from seqlstm.training.progress import TrainingReport
from seqlstm.training.weights import set_weights


@dataclass(frozen=True)
class Prepared:
    """A run that is ready to train. It holds the lock of its folder until it has trained.

    Attributes:
        loop: the training loop.
        folder: the run folder.
        lock: of the folder.
        card: of the run.
        notes: lines to print on data, tokenizer, model, precision and backends.
        warnings: lines to print.
    """

    loop: TrainingLoop
    folder: RunFolder
    lock: FolderLock
    card: Card
    notes: list[str]
    warnings: list[str]

    def run(self, stop: StopRequest | None = None) -> Iterator[TrainingReport]:
        """Train, and write the log."""
        if not self.lock.held:
            self.lock.acquire()
        try:
            for report in self.loop.run(stop):
                self.folder.write_log(report)
                yield report
        finally:
            self.lock.release()


def prepare(
    recipe: Recipe,
    folder: RunFolder,
    corpora: RunCorpus,
    *,
    lock: FolderLock,
    weights: Weights | None = None,
    origin_weights: str | None = None,
) -> Prepared:
    """Build the model and the training loop of a run.

    Args:
        recipe: the recipe.
        folder: where weights and checkpoints are saved.
        corpora: the data.
        lock: of the folder; it is held.
        weights: of the model at first; by default they are random.
        origin_weights: what identifies them.
    """
    tune_allocator()
    set_num_threads(recipe.threads)
    device = choose_device(recipe.device)
    precision = choose_precision(recipe.precision, device)
    task, vocab_sizes = TASKS[recipe.task], corpora.tokenizers.vocab_sizes
    batches = task.make_batches(recipe, corpora)
    refuse_large(recipe, vocab_sizes, batches)
    torch.manual_seed(recipe.seed)
    model = build_model(recipe, vocab_sizes)
    if weights is not None:
        set_weights(model, weights)
    model.to(device)
    validation = None
    if corpora.validation is not None:
        validation = task.make_validation(recipe, model, corpora, precision)
    loop = TrainingLoop(
        model,
        batches,
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
    data = CardData(
        fingerprints=corpora.fingerprints,
        notes=[*data_notes(corpora, model), *machine_notes(precision, backends)],
        warnings=[*corpora.warnings, *([lock.warning] if lock.warning else [])],
    )
    card = make_card(
        data=data,
        tokenizer=corpora.tokenizers.fingerprint,
        tokenize=corpora.tokenize,
        device=str(device),
        precision=precision.name,
        backends={layer: choice.partition(" (")[0] for layer, choice in backends.items()},
        kernels=are_kernels_compiled(),
        **identity(recipe, corpora, origin_weights),
    )
    return Prepared(loop, folder, lock, card, data.notes, data.warnings)


def data_notes(corpora: RunCorpus, model: nn.Module) -> list[str]:
    """Lines on the data, the tokenizers and the size of the model."""
    tokenizers = [
        f"{name}: {tokenizer.model_type}, {tokenizer.vocab_size:,} pieces"
        for name, tokenizer in corpora.tokenizers.by_name.items()
    ]
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return [*corpora.report, *tokenizers, f"model: {parameters:,} parameters"]


def machine_notes(precision: Precision, backends: dict[str, str]) -> list[str]:
    """Lines on the precision and the backend of each layer, or on the only backend."""
    same = set(backends.values())
    return [
        f"precision: {precision.name} on {precision.device} ({precision.reason})",
        *([f"backend: {same.pop()}"] if len(same) == 1 else map(": ".join, backends.items())),
    ]


def identity(recipe: Recipe, corpora: RunCorpus, origin_weights: str | None) -> dict[str, Any]:
    """The entries of a card that identify a run; they are the same on every machine."""
    text = resolved_text(recipe)
    parts = [text, corpora.fingerprints, corpora.tokenizers.fingerprint, origin_weights]
    run = sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    digest = recipe_digest(tomllib.loads(text))
    return {"run": run, "recipe": (digest,), "origin_weights": origin_weights}
