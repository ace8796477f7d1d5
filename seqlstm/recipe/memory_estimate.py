"""The memory that a recipe's training needs at least, from its model on the meta device.

It is a lower bound, so that nothing is refused that fits:

- Weights and gradients have 4 bytes a parameter, and so has each state of the optimizer and an
  exponential average of the weights; other averages begin later, or never.
- A step of training keeps the outputs of every layer for the backward pass, 2 bytes a feature, at
  half of the batch's positions; a batch has no more of them than the text has tokens.
- Translating one sentence needs the scores of the whole vocabulary for every hypothesis.

What cells keep besides, copies, padding and the program itself come on top.

Swap does not count as memory: a step reads and writes all of these numbers, so that every step
would wait for the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import Any

import torch
from torch import nn

from seqlstm.config import Recipe
from seqlstm.config.data import TokenBatchingConfig
from seqlstm.config.model import AdaptiveSoftmaxConfig
from seqlstm.config.tokenizer import TrainedTokenizerConfig
from seqlstm.config.training import ExponentialAveragingConfig, SGDConfig
from seqlstm.data.batching.base import Batches
from seqlstm.data.batching.buckets import BucketBatches
from seqlstm.errors import Mistake, RecipeError
from seqlstm.recipe.build.model import build_model
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.runtime.device import choose_device
from seqlstm.runtime.memory import host_memory, memory_limit
from seqlstm.runtime.threads import available_cores
from seqlstm.text.model_type import SUBWORD_TYPES
from seqlstm.text.tokenizer_pair import VocabularySizes

WEIGHT_BYTES = 4
ACTIVATION_BYTES = 2
SMALLEST_VOCABULARY = 4  # the special ids
MEMORY_KEYS = {
    "weights": ("embedding_dim", "hidden_size", "num_layers", "vocab_size", "num_experts"),
    "activations": ("max_tokens", "batch_size", "bptt", "hidden_size", "num_layers"),
    "beam search": ("beam_size", "vocab_size"),
}
"""The names of the keys that make each part large."""
Sized = tuple[str, int]
"""A dotted key, and its value."""


@dataclass(frozen=True)
class MemoryEstimate:
    """A lower bound of the memory of training, in bytes, by part."""

    weights: int
    activations: int
    beam_search: int

    @property
    def training(self) -> int:
        return self.weights + self.activations

    def __str__(self) -> str:
        parts = f"weights {byte_text(self.weights)}, activations {byte_text(self.activations)}"
        return f"at least {byte_text(self.training)} ({parts})"


def check_machine(recipe: Recipe) -> None:
    """Check what a new run asks of this machine, before any text is read.

    A vocabulary that depends on the text counts with its smallest size.

    Raises:
        RecipeError: more threads than cores; or as `refuse_large`.
    """
    if recipe.threads > (cores := available_cores()):
        problem = f"must be at most the {cores} cores of this machine, was: {recipe.threads:,}"
        raise RecipeError("this machine", [Mistake("threads", problem, "0 for all cores")])
    tokenizer, output = recipe.tokenizer, recipe.model.output
    sizes: tuple[int, ...] = (SMALLEST_VOCABULARY,)
    if isinstance(output, AdaptiveSoftmaxConfig):
        sizes = (max(output.cutoffs) + 1,)
    if isinstance(tokenizer, TrainedTokenizerConfig) and tokenizer.model_type in SUBWORD_TYPES:
        sizes = tokenizer.vocab_sizes
    refuse_large(recipe, (sizes[0], sizes[-1]))


def refuse_large(
    recipe: Recipe, vocab_sizes: VocabularySizes, batches: Batches | None = None
) -> MemoryEstimate:
    """The estimate of a recipe, whose model fits into the memory.

    Args:
        recipe: the recipe.
        vocab_sizes: of source and target.
        batches: of training; None before the text is read.

    Raises:
        RecipeError: the model cannot be built, or it needs more memory than there is.
    """
    model = build_on_meta(recipe, vocab_sizes)
    found = estimate(recipe, model, vocab_sizes[1], batches)
    device = choose_device(recipe.device)
    limit = memory_limit(device)
    where = "this process can use" if device.type == "cpu" else f"{device} has"
    parts = {"weights": found.weights, "activations": found.activations}
    larger = max(parts, key=lambda part: parts[part])
    if found.training > limit or found.weights // copies(recipe) > host_memory():
        raise too_large(recipe, larger, f"training needs {found}, {where} {byte_text(limit)}")
    if found.beam_search > limit:
        needs = f"translating a sentence needs at least {byte_text(found.beam_search)}"
        raise too_large(recipe, "beam search", f"{needs}, {where} {byte_text(limit)}")
    return found


def build_on_meta(recipe: Recipe, vocab_sizes: VocabularySizes) -> nn.Module:
    """The recipe's model without memory.

    Raises:
        RecipeError: it cannot be built, or a matrix has more bytes than 64 bits can count.
    """
    try:
        with torch.device("meta"):
            return build_model(recipe, vocab_sizes)
    except (RuntimeError, OverflowError) as error:
        problem = "a matrix of the model would have more bytes than 64 bits can count"
        raise too_large(recipe, "weights", problem) from error


def estimate(
    recipe: Recipe, model: nn.Module, vocab_size: int, batches: Batches | None
) -> MemoryEstimate:
    """The estimate for a model on the meta device."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    positions = 0 if batches is None else positions_of_step(recipe, batches)
    searches = "decoding.beam_size" not in TASKS[recipe.task].unused_keys
    return MemoryEstimate(
        weights=parameters * WEIGHT_BYTES * copies(recipe),
        activations=positions * features(recipe, model) * ACTIVATION_BYTES,
        beam_search=recipe.decoding.beam_size * vocab_size * WEIGHT_BYTES if searches else 0,
    )


def copies(recipe: Recipe) -> int:
    """The numbers certainly kept for each parameter: weight, gradient, states, average."""
    optimizer = recipe.training.optimizer
    states = int(optimizer.momentum > 0) if isinstance(optimizer, SGDConfig) else 2
    return 2 + states + isinstance(recipe.training.averaging, ExponentialAveragingConfig)


def features(recipe: Recipe, model: nn.Module) -> int:
    """The features that a position's layers give: those of a translator's smaller side."""
    sizes = recipe.model.hidden_size
    stacks = [stack for stack, _ in TASKS[recipe.task].stacks(recipe, model).values()]
    if isinstance(sizes, tuple):
        return sum(sizes)
    return min(stack.output * len(stack.layers) for stack in stacks)


def positions_of_step(recipe: Recipe, batches: Batches) -> int:
    """The positions of the largest batch, at least."""
    batching = recipe.data.batching
    if not isinstance(batching, TokenBatchingConfig):
        return min(batching.batch_size * batching.bptt, batches.epoch_size) // 2
    rows = min(batches.epoch_size, batching.shuffle_window)
    length = 2.0  # a token, and the end of the sentence
    if isinstance(batches, BucketBatches) and batches.ids is not None:
        targets = batches.ids[1]
        length = 1 + sum(map(len, targets)) / len(targets)
    return int(min(batching.max_tokens, rows * length)) // 2


def too_large(recipe: Recipe, part: str, problem: str) -> RecipeError:
    """The error, at the largest of the keys that make a part large."""
    ranked = sorted(large_keys(recipe, part), key=lambda sized: -sized[1])
    keys = ", ".join(f"{key} = {value:,}" for key, value in ranked[:4])
    return RecipeError("the model", [Mistake(ranked[0][0], problem, f"large because of {keys}")])


def large_keys(recipe: Recipe, part: str) -> Iterator[Sized]:
    """The keys and values that make a part large, in all sections."""

    def walk(table: Any, path: str) -> Iterator[Sized]:
        for key, value in table.items():
            if isinstance(value, dict):
                yield from walk(value, f"{path}{key}.")
            elif key in MEMORY_KEYS[part]:
                numbers = value if isinstance(value, tuple | list) else [value]
                yield f"{path}{key}", max(number or 0 for number in numbers)

    yield from walk(recipe.model_dump(), "")


def byte_text(count: int) -> str:
    """A number of bytes, such as "1.5 GB"."""
    if count < 1000:
        return f"{count} B"
    power = min(int(log(count, 1000)), 6)
    return f"{count / 1000**power:,.3g} {'_kMGTPE'[power]}B"
