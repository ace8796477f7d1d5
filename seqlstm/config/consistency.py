"""Keys that do not go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from seqlstm.config.base import Table
from seqlstm.config.recipe import IDLE
from seqlstm.errors import Mistake


def disagreements(table: Table) -> Iterator[Mistake]:
    """Keys that do not go together, in a table that may be wrong otherwise too."""

    def at(*keys: str) -> Any:
        value: Any = table
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    task = at("task")
    if task not in TASKS:
        return
    columns, batching, metrics = TASKS[task]
    for column in columns:
        if at("data") is not None and at("data", column) is None:
            yield Mistake(f"data.{column}", f"missing: a {task} recipe names its columns here")
    if at("data", "batching", "kind") in {"tokens", "stream"} - {batching}:
        yield Mistake("data.batching.kind", f'a {task} recipe needs "{batching}"')
    for keys in IDLE[task]:
        if at(*keys) is not None:
            yield Mistake(".".join(keys), f"cannot take effect in a {task} recipe", "leave it out")
    if at("data", "unit") == "line" and at("data", "batching", "reset_at_document"):
        yield Mistake("data.batching.reset_at_document", 'cannot take effect with unit = "line"')
    if at("data", "batching", "bptt") == 1 and at("training", "regularizers", "temporal"):
        problem = "cannot take effect with batches of one step"
        yield Mistake("training.regularizers.temporal", problem)
    kind = at("model", "output", "kind")
    if kind not in (None, "softmax") and at("training", "label_smoothing"):
        yield Mistake("training.label_smoothing", f"needs a softmax output, not {kind}")
    single = task != "translation" and at("model", "num_layers") in (None, 1)
    if single and at("model", "dropout", "inter_layer"):
        yield Mistake("model.dropout.inter_layer", "cannot take effect with a single layer")
    if task != "translation" and at("model", "tie_embeddings") in ("two-way", "three-way"):
        problem = "must be true or false: a language model has one embedding"
        yield Mistake("model.tie_embeddings", problem)
    yield from hidden_sizes(task, at)
    yield from two_sides(at) if task == "translation" else one_side(at)
    yield from without_attention(at)
    every = set[str]().union(*(known for _, _, known in TASKS.values()))
    if at("training", "metric") in every - metrics:
        known = ", ".join(sorted(metrics))
        yield Mistake("training.metric", f"no metric of a {task} recipe", f"known: {known}")


def hidden_sizes(task: str, at: Callable[..., Any]) -> Iterator[Mistake]:
    """A list names a size for each layer of a language model. `at` gives the value at a key."""
    sizes, layers = at("model", "hidden_size"), at("model", "num_layers") or 1
    if not isinstance(sizes, list | tuple):
        return
    if task == "translation":
        suggestion = (
            "encoder = { hidden_size = … } and decoder = { hidden_size = … } give each its own"
        )
        yield Mistake("model.hidden_size", "must be one size in a translation recipe", suggestion)
    elif len(sizes) != layers:
        problem = f"{len(sizes)} sizes for {layers} layer{'s' if layers > 1 else ''}"
        yield Mistake(
            "model.hidden_size", problem, f"num_layers = {len(sizes)}, or a size for each"
        )


def two_sides(at: Callable[..., Any]) -> Iterator[Mistake]:
    """What a translator's vocabularies leave no place for. `at` gives the value at a key."""
    file, joint = at("tokenizer", "file"), at("tokenizer", "joint")
    if isinstance(at("tokenizer", "vocab_size"), list | tuple) and joint is not False:
        yield Mistake(
            "tokenizer.vocab_size",
            "two numbers cannot take effect: one model is that of both sides",
            "one number, or tokenizer.joint = false",
        )
    apart = isinstance(file, list | tuple) or (file is None and joint is False)
    if apart and at("model", "tie_embeddings") == "three-way":
        yield Mistake(
            "model.tie_embeddings",
            "three-way needs a joint vocabulary: here source and target have tables of their own",
            '"two-way", as true is here, or tokenizer.joint = true',
        )


def one_side(at: Callable[..., Any]) -> Iterator[Mistake]:
    """A language model's tokenizer is one."""
    for key in ("file", "vocab_size"):
        if isinstance(at("tokenizer", key), list | tuple):
            yield Mistake(f"tokenizer.{key}", "must be one: a language model's text has one side")


def without_attention(at: Callable[..., Any]) -> Iterator[Mistake]:
    """What a decoder without attention leaves no place for. `at` gives the value at a key."""
    if at("model", "decoder", "kind") != "no-attention":
        return
    if at("model", "attention") is not None:
        yield Mistake("model.attention", "cannot take effect: the decoder has none")
    if at("decoding", "coverage_penalty"):
        problem = "cannot take effect: the decoder has no attention, whose weights it reads"
        yield Mistake("decoding.coverage_penalty", problem, "leave it out")
    layers = [
        at("model", side, "num_layers") or at("model", "num_layers")
        for side in ("encoder", "decoder")
    ]
    if at("model", "dropout", "inter_layer") and all(one in (None, 1) for one in layers):
        yield Mistake("model.dropout.inter_layer", "cannot take effect with single layers")


TASKS: dict[str, tuple[tuple[str, ...], str, set[str]]] = {
    "translation": (("pair",), "tokens", {"loss", "bleu", "chrf"}),
    "language-model": (("text",), "stream", {"loss", "bits_per_byte"}),
    "prompts": (("prompt", "completion"), "tokens", {"loss", "accuracy"}),
}
"""The keys of the columns, the batching, and the metrics of each task."""
