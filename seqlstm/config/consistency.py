"""Keys that do not go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from seqlstm.config.base import Table
from seqlstm.config.recipe import IDLE, form_of
from seqlstm.errors import Mistake


def disagreements(table: Table) -> Iterator[Mistake]:
    """Keys that do not go together, in a table that may be wrong otherwise too."""

    def at(*keys: str) -> Any:
        value: Any = table
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    task = at("task")
    if task not in ("translation", "language-model"):
        return
    form = form_of(task, answers=at("data", "answer") is not None)
    column, layout, metrics = FORMS[form]
    if at("data") is not None and at("data", column) is None:
        yield Mistake(f"data.{column}", f"missing: a {form} recipe names its columns here")
    if at("data", "layout", "kind") in {"buckets", "tapes"} - {layout}:
        yield Mistake("data.layout.kind", f'a {form} recipe needs "{layout}"')
    for keys in IDLE[form]:
        if at(*keys) is not None:
            yield Mistake(".".join(keys), f"cannot take effect in a {form} recipe", "leave it out")
    if at("data", "unit") == "line" and at("data", "layout", "resets"):
        yield Mistake("data.layout.resets", 'cannot take effect with unit = "line"')
    if at("data", "layout", "span") == 1 and at("training", "penalties", "temporal"):
        yield Mistake("training.penalties.temporal", "cannot take effect with spans of one step")
    kind = at("model", "readout", "kind")
    if kind in ("adaptive", "mixture") and at("training", "label_smoothing"):
        yield Mistake("training.label_smoothing", f"needs a softmax readout, not {kind}")
    single = task == "language-model" and at("model", "layers") in (None, 1)
    if single and at("model", "dropout", "between"):
        yield Mistake("model.dropout.between", "cannot take effect with a single layer")
    if task == "language-model" and at("model", "tied") in ("two-way", "three-way"):
        yield Mistake("model.tied", "must be true or false: a language model has one embedding")
    yield from hidden_sizes(task, at)
    yield from two_sides(at) if task == "translation" else one_side(at)
    yield from without_attention(at)
    every = set[str]().union(*(known for _, _, known in FORMS.values()))
    if at("training", "best_by") in every - metrics:
        known = ", ".join(sorted(metrics))
        yield Mistake("training.best_by", f"no metric of a {form} recipe", f"known: {known}")


def hidden_sizes(task: str, at: Callable[..., Any]) -> Iterator[Mistake]:
    """A list names a size for each layer of a language model. `at` gives the value at a key."""
    sizes, layers = at("model", "hidden"), at("model", "layers") or 1
    if not isinstance(sizes, list | tuple):
        return
    if task == "translation":
        suggestion = "encoder = { hidden = … } and decoder = { hidden = … } give each its own"
        yield Mistake("model.hidden", "must be one size in a translation recipe", suggestion)
    elif len(sizes) != layers:
        problem = f"{len(sizes)} sizes for {layers} layer{'s' if layers > 1 else ''}"
        yield Mistake("model.hidden", problem, f"layers = {len(sizes)}, or a size for each")


def two_sides(at: Callable[..., Any]) -> Iterator[Mistake]:
    """What a translator's vocabularies leave no place for. `at` gives the value at a key."""
    file, joint = at("tokenizer", "file"), at("tokenizer", "joint")
    if isinstance(at("tokenizer", "vocabulary"), list | tuple) and joint is not False:
        yield Mistake(
            "tokenizer.vocabulary",
            "two numbers cannot take effect: one model is that of both sides",
            "one number, or tokenizer.joint = false",
        )
    apart = isinstance(file, list | tuple) or (file is None and joint is False)
    if apart and at("model", "tied") == "three-way":
        yield Mistake(
            "model.tied",
            "three-way needs a joint vocabulary: here source and target have tables of their own",
            '"two-way", as true is here, or tokenizer.joint = true',
        )


def one_side(at: Callable[..., Any]) -> Iterator[Mistake]:
    """A language model's tokenizer is one."""
    for key in ("file", "vocabulary"):
        if isinstance(at("tokenizer", key), list | tuple):
            yield Mistake(f"tokenizer.{key}", "must be one: a language model's text has one side")


def without_attention(at: Callable[..., Any]) -> Iterator[Mistake]:
    """What a plain decoder leaves no place for. `at` gives the value at a key."""
    if at("model", "decoder", "kind") != "plain":
        return
    if at("model", "attention") is not None:
        yield Mistake("model.attention", "cannot take effect: a plain decoder has none")
    if at("decoding", "coverage_penalty"):
        problem = "cannot take effect: a plain decoder has no attention, whose weights it reads"
        yield Mistake("decoding.coverage_penalty", problem, "leave it out")
    layers = [
        at("model", side, "layers") or at("model", "layers") for side in ("encoder", "decoder")
    ]
    if at("model", "dropout", "between") and all(one in (None, 1) for one in layers):
        yield Mistake("model.dropout.between", "cannot take effect with single layers")


FORMS: dict[str, tuple[str, str, set[str]]] = {
    "translation": ("pair", "buckets", {"loss", "bleu", "chrf"}),
    "language-model": ("text", "tapes", {"loss", "bits_per_byte"}),
    "language-model with answers": ("text", "buckets", {"loss", "accuracy"}),
}
"""The column's key, the layout, and the metrics of each form of recipe."""
