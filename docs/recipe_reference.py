"""The page on recipe keys, from the pydantic models and the docstrings of seqlstm/config."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel

from seqlstm.config import Recipe
from seqlstm.recipe.cells import options_of
from seqlstm.recipe.read import CATALOGUE
from seqlstm.sweep.schema import Sweep, Variant

# Types that a validator reads from text, which a JSON schema cannot show.
READ_FROM_TEXT = {
    "expect": 'string, such as `">= 0.95"`',
    "budget": 'integer, or string such as `"1M"` or `"250k"`',
}


# Keys whose values are names of components.
NAMED = {"task": "task", "backend": "backend", "tokenize": "tokenization"}


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [[*header], ["---" for _ in header], *([*row] for row in rows)]
    cells = ([cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in lines)
    return "".join(f"| {' | '.join(row)} |\n" for row in cells) + "\n"


def toml(value: Any) -> str:
    """A value as a recipe writes it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(part)}" for key, part in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def options_text(constructor: Callable[..., Any]) -> str:
    """The options of a component, the default first."""
    return ", ".join(option_text(name, *values) for name, values in options_of(constructor).items())


def option_text(name: str, *values: Any) -> str:
    if not values:
        return f"`{name}` (required)"
    if values == (None,):
        return f"`{name}` (optional)"
    return f"`{name} = {' | '.join(map(toml, values))}`"


def recipe_page() -> str:
    """Every key of a recipe and of a sweep file."""
    tasks = table(
        ("`task`", "columns, in `[data]`", "`data.batching.kind`", "`training.metric`", "scores"),
        (
            (f"`{name}`", *map(codes, (task.columns, [task.batching], task.metrics, task.scores)))
            for name, task in CATALOGUE["task"].items()
        ),
    )
    return (
        "# Recipe keys\n\n"
        "A recipe is a TOML file. `seqlstm check RECIPE` names every mistake in it. Each key can "
        "also be set on the command line, as `section.key=value`. An unknown key is an error.\n\n"
        f"## Tasks\n\n{tasks}"
        f"## Keys before the first section\n\n{section_text(Recipe, sections=False)}"
        + "".join(subsections(Recipe, ""))
        + component_table("model.attention", "attention")
        + component_table("data.options", "source")
        + "`model.cell`: see [cells](cells.md).\n\n"
        "## Sweep files\n\nA sweep file lies beside the recipes and has the key `recipe`.\n\n"
        f"{section_text(Sweep)}### `[[variants]]`\n\n{section_text(Variant)}"
    )


def codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def component_table(key: str, component: str) -> str:
    header = "source" if component == "source" else "kind"
    rows = (
        (f"`{kind}`", options_text(constructor) or "—")
        for kind, constructor in CATALOGUE[component].items()
    )
    return f"### Options of `{key}`\n\n{table((header, 'options, the default first'), rows)}"


def subsections(model: type[BaseModel], parent: str) -> Iterator[str]:
    """The tables inside of a table, with every kind that a key can have."""
    for name, field in model.model_fields.items():
        key = f"{parent}{name}"
        members = [*models_in(field.annotation)]
        for member in members:
            level = "##" if not parent else "###"
            kind = kind_text(member) if len(members) > 1 else ""
            yield f"{level} `[{key}]`{kind}\n\n{section_text(member)}"
            yield from subsections(member, f"{key}.")


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def kind_text(model: type[BaseModel]) -> str:
    """The words that distinguish a member of a union from the others."""
    if "kind" in model.model_fields:
        kinds = get_args(model.model_fields["kind"].annotation)
        return " with " + " or ".join(f'`kind = "{kind}"`' for kind in kinds)
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    return f" with `{required[0]}`" if required else ""


def section_text(model: type[BaseModel], *, sections: bool = True) -> str:
    """The docstring of a table, and a row for each of its keys.

    Args:
        model: the class of the table.
        sections: whether keys that hold tables have rows.
    """
    intro, meanings = split_docstring(model)
    schema = model.model_json_schema()["properties"]
    rows = [
        (f"`{name}`", type_text(name, schema[name]), default_text(field), meanings.get(name, ""))
        for name, field in model.model_fields.items()
        if (name != "kind" or "kind" in meanings)
        and (sections or not [*models_in(field.annotation)])
    ]
    return f"{intro}\n\n" * bool(intro) + (
        table(("key", "type", "default", "meaning"), rows) if rows else ""
    )


def split_docstring(model: type[BaseModel]) -> tuple[str, dict[str, str]]:
    """The text before the first key, and the text of each key: "`steps`, `epochs`: …"."""
    text = " ".join(inspect.cleandoc(model.__doc__ or "").split())
    marker = re.compile(r"((?:`\w+`(?:, )?)+)(?: \([^)]*\))?: ")
    marks = [
        (match, names)
        for match in marker.finditer(text)
        if (names := re.findall(r"`(\w+)`", match[1]))[0] in model.model_fields
    ]
    ends = [match.start() for match, _ in marks[1:]] + [len(text)]
    meanings = {
        name: text[match.end() : end].strip()
        for (match, names), end in zip(marks, ends, strict=False)
        for name in names
    }
    intro = text[: marks[0][0].start()] if marks else text
    return intro.strip(), {name: part[:1].upper() + part[1:] for name, part in meanings.items()}


def type_text(name: str, schema: dict[str, Any]) -> str:
    """The type of a key, in words."""
    if name in READ_FROM_TEXT:
        return READ_FROM_TEXT[name]
    if name in NAMED:
        return codes(
            f'"{word}"' for word in (["auto"] * (name != "task") + [*CATALOGUE[NAMED[name]]])
        )
    return words(schema)


def words(schema: dict[str, Any]) -> str:
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        kinds = (words(part) for part in alternatives if part.get("type") != "null")
        return " or ".join(dict.fromkeys(kinds))
    if "$ref" in schema:
        return "table"
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{toml(value)}`" for value in schema.get("enum", [schema.get("const")]))
    kind: str = schema.get("type", "value")
    if kind == "array":
        items = schema.get("items") or schema.get("prefixItems", [{}])[0]
        count = f"{len(schema['prefixItems'])} × " if "prefixItems" in schema else ""
        return f"list of {count}{words(items)}"
    return {"object": "table"}.get(kind, kind) + bounds(schema, whole=kind == "integer")


def bounds(schema: dict[str, Any], *, whole: bool) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if whole and above is not None:
        least, above = above + 1, None
    pairs = (("≥", least), (">", above), ("≤", most), ("<", below))
    texts = [f"{sign} {number_text(bound)}" for sign, bound in pairs if bound is not None]
    return f" {', '.join(texts)}" if texts else ""


def default_text(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        kind = getattr(value, "kind", None)
        return f"`{toml({'kind': kind})}`" if kind else "the defaults below"
    return "—" if value is None or value in ({}, ()) else f"`{toml(value)}`"


def number_text(bound: float) -> str:
    """A bound, with commas if it is a whole number."""
    return f"{bound:,.0f}" if bound == int(bound) else f"{bound:g}"
