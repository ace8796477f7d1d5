"""Tables whose `kind` names a class and whose options are its keywords: cells, attentions.

The classes live on higher floors: the caller hands them in as a catalogue. Without, any table goes.
So it is with what a recipe calls by its name alone: backends.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError, ValidationInfo

from seqlstm.errors import nearest

ComponentConfig = dict[str, Any]
Catalogue = Mapping[str, Mapping[str, Any]]
"""By the name of the component ("cell", "attention", "backend"), all that there are, by kind."""


def keywords(constructor: Callable[..., Any]) -> list[str]:
    """What a recipe may set: the constructor's keyword-only parameters."""
    parameters = inspect.signature(constructor).parameters.values()
    return [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]


def type_hints(constructor: Callable[..., Any]) -> dict[str, Any]:
    """The types of a class's or a function's parameters."""
    return get_type_hints(constructor.__init__ if inspect.isclass(constructor) else constructor)


def check_component(name: str) -> Callable[[ComponentConfig, ValidationInfo], ComponentConfig]:
    """A validator of tables against the constructors of the component `name`."""

    def check(table: ComponentConfig, info: ValidationInfo) -> ComponentConfig:
        constructors = (info.context or {}).get(name)
        if constructors is None:
            return table
        kind = str(table.get("kind"))
        if "kind" not in table:
            raise ValueError(f"names no kind; known are {', '.join(constructors)}")
        if kind not in constructors:
            hint = nearest(kind, constructors) or f"known are {', '.join(constructors)}"
            raise ValueError(f'no {name} of kind "{kind}"; {hint}')
        options = {key: value for key, value in table.items() if key != "kind"}
        check_options(kind, constructors[kind], options)
        return table

    return check


def check_options(kind: str, constructor: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse an option that is none of the constructor's keywords, or not of their types."""
    known = keywords(constructor)
    types = type_hints(constructor)
    for option, value in options.items():
        if option not in known:
            hint = nearest(option, known) or f"it has {', '.join(known) or 'none'}"
            raise ValueError(f'{kind} has no option "{option}"; {hint}')
        check_value(f"{kind}'s {option}", value, types[option])


def check_choice(name: str, *others: str) -> Callable[[str, ValidationInfo], str]:
    """A validator of the names in the catalogue's `name`, and of other words."""

    def check(word: str, info: ValidationInfo) -> str:
        words = [*others, *(info.context or {}).get(name, [word])]
        if word not in words:
            hint = nearest(word, words)
            problem = f"must be one of {', '.join(words)}, was: {word}"
            raise ValueError(f"{problem}; {hint}" if hint else problem)
        return word

    return check


def check_value(name: str, value: Any, expected: Any) -> None:
    """Refuse a value that is not of the type which the constructor's signature gives."""
    try:
        TypeAdapter(expected).validate_python(value, strict=True)
    except ValidationError as error:
        problem = error.errors()[0]["msg"].replace("Input should", "must", 1)
        raise ValueError(f"{name} {problem}, was: {value}") from None
