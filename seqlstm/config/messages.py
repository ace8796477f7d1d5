"""pydantic's validation errors as `Mistake`s."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from seqlstm.config.base import Table
from seqlstm.config.recipe import Recipe
from seqlstm.config.values import shown, toml_key
from seqlstm.errors import Mistake, nearest


def explain(detail: ErrorDetails, table: Table) -> Mistake:
    """The `Mistake` of one of pydantic's errors about a table."""
    key = dotted_key(detail, table)
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        valid = keys_at(detail["loc"])
        if detail["loc"][-1] in valid:
            return Mistake(key, "cannot take effect beside the other keys of its table")
        hint = nearest(shown(detail["loc"][-1]), valid) or f"known are {', '.join(valid)}"
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
            key, f"must be one of {', '.join(words)}, was: {shown(was)}", nearest(shown(was), words)
        )
    if kind == "union_tag_not_found":
        return Mistake(f"{key}.kind", "missing")
    if kind == "value_error":
        return Mistake(key, str(context["error"]))
    message = detail["msg"].replace("Input should", "must", 1)
    return Mistake(key, message if isinstance(value, dict) else f"{message}, was: {shown(value)}")


def has_wrong_shape(detail: ErrorDetails) -> bool:
    """Whether a value has another type or shape than its key, not only another size."""
    return not detail["type"].startswith(("value_error", "too_", "greater_", "less_"))


def dotted_key(detail: ErrorDetails, table: Table) -> str:
    """The dotted key of an error: pydantic's location without the tags of unions."""
    value: Any = table
    keys = []
    for part in detail["loc"]:
        if isinstance(value, dict) and part in value:
            value = value[part]
            keys.append(toml_key(str(part)))
    if detail["type"] == "missing":
        keys.append(str(detail["loc"][-1]))
    return ".".join(keys)


def keys_at(location: tuple[int | str, ...]) -> list[str]:
    """The keys that are valid in the table around `location`."""
    sections: list[type[BaseModel]] = [Recipe]
    for part in location[:-1]:
        fields = [s.model_fields[str(part)] for s in sections if part in s.model_fields]
        if fields:
            sections = [section for field in fields for section in sections_in(field.annotation)]
        else:  # the tag of a union: its member of that kind
            sections = [section for section in sections if part in kinds(section)] or sections
    return sorted({key for section in sections for key in section.model_fields})


def sections_in(annotation: Any) -> list[type[BaseModel]]:
    """The classes of tables in a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in sections_in(part)]


def kinds(section: type[BaseModel]) -> tuple[Any, ...]:
    """The values of `kind` that choose this class in a union."""
    field = section.model_fields.get("kind")
    return get_args(field.annotation) if field else ()
