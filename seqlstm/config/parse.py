"""TOML and overrides to a `Recipe`, or to every mistake in them at once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from seqlstm.config.components import Catalogue
from seqlstm.config.sections import IDLE, Recipe, form_of
from seqlstm.errors import Mistake, RecipeError, nearest

Table = dict[str, Any]


def read_table(path: Path) -> Table:
    """The tables of a TOML file.

    Raises:
        RecipeError: it cannot be read, is not UTF-8, or is not TOML; names the line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(str(path), [Mistake("file", error.strerror or str(error))]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RecipeError(str(path), [Mistake("file", f"line {line} is not UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(str(path), [Mistake("syntax", str(error))]) from None


def read_overrides(table: Table, overrides: Sequence[str]) -> Table:
    """A copy of `table` with each `dotted.key=value` put in.

    A value is TOML (`200`, `2e-3`, `{kind="gru"}`); what is not TOML is a string; an empty one
    takes the key away, so that its default holds.

    Raises:
        RecipeError: an override without "=", or below a key that is no table.
    """
    merged = {key: copy_tables(value) for key, value in table.items()}
    mistakes = [problem for one in overrides if (problem := put(merged, one)) is not None]
    if mistakes:
        raise RecipeError("overrides", mistakes)
    return merged


def copy_tables(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: copy_tables(part) for key, part in value.items()}
    return value


def put(table: Table, override: str) -> Mistake | None:
    key, equals, text = override.partition("=")
    if not equals:
        return Mistake(override, "not an override", "write key=value")
    *parents, last = key.strip().split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            return Mistake(key, f"{parent} is a value, not a table")
    if text := text.strip():
        table[last] = toml_value(text)
    else:
        table.pop(last, None)
    return None


def toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def parse(table: Table, *, where: str, catalogue: Catalogue | None = None) -> Recipe:
    """The recipe that a table states.

    Args:
        table: as read from TOML.
        where: the name that an error gives to it.
        catalogue: constructors that the options of cells and attentions are checked against.

    Raises:
        RecipeError: with every mistake.
    """
    mistakes = list(disagreements(table))
    try:
        recipe = Recipe.model_validate(table, context=dict(catalogue or {}))
    except ValidationError as error:
        found = [mistake(detail, table) for detail in error.errors()]
        raise RecipeError(where, [*found, *mistakes]) from None
    if mistakes:
        raise RecipeError(where, mistakes)
    return recipe


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


def mistake(detail: ErrorDetails, table: Table) -> Mistake:
    """One of pydantic's errors in the words of this project."""
    key = dotted(detail, table)
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = keys_at(detail["loc"])
        if detail["loc"][-1] in known:
            return Mistake(key, "cannot take effect beside the other keys of its table")
        hint = nearest(str(detail["loc"][-1]), known) or f"known are {', '.join(known)}"
        return Mistake(key, "unknown key", hint)
    if kind == "missing":
        return Mistake(key, "missing")
    if kind in ("literal_error", "union_tag_invalid"):
        expected = str(context.get("expected") or context.get("expected_tags"))
        was = value.get("kind") if isinstance(value, dict) else value
        key = f"{key}.kind" if kind == "union_tag_invalid" else key
        words = [word.strip(" '\"") for word in expected.replace(" or ", ",").split(",")]
        words = [{"True": "true", "False": "false"}.get(word, word) for word in words]
        return Mistake(
            key, f"must be one of {', '.join(words)}, was: {was}", nearest(str(was), words)
        )
    if kind == "union_tag_not_found":
        return Mistake(f"{key}.kind", "missing")
    if kind == "value_error":
        return Mistake(key, str(context["error"]))
    message = detail["msg"].replace("Input should", "must", 1)
    return Mistake(key, message if isinstance(value, dict) else f"{message}, was: {value}")


def dotted(detail: ErrorDetails, table: Table) -> str:
    """pydantic's location as the recipe's key: the tags of unions are no keys."""
    value: Any = table
    keys = []
    for part in detail["loc"]:
        if isinstance(value, dict) and part in value:
            value = value[part]
            keys.append(str(part))
    if detail["type"] == "missing":
        keys.append(str(detail["loc"][-1]))
    return ".".join(keys)


def keys_at(location: tuple[int | str, ...]) -> list[str]:
    """The keys that the table around `location` may have."""
    sections: list[type[BaseModel]] = [Recipe]
    for part in location[:-1]:
        fields = [one.model_fields[str(part)] for one in sections if part in one.model_fields]
        if fields:
            sections = [one for field in fields for one in sections_of(field.annotation)]
        else:  # the tag of a union: its member of that kind
            sections = [one for one in sections if part in kinds(one)] or sections
    return sorted({key for section in sections for key in section.model_fields})


def sections_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in sections_of(part)]


def kinds(section: type[BaseModel]) -> tuple[Any, ...]:
    """The tags by which a union knows this member."""
    field = section.model_fields.get("kind")
    return get_args(field.annotation) if field else ()
