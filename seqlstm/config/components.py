"""Validators of components: tables whose `kind` names a constructor and whose options are its
keywords, such as cells and attentions, and plain names, such as backends.

The constructors belong to higher floors, so the caller passes them as a catalogue. Without a
catalogue every table and name is valid.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError, ValidationInfo

from seqlstm.config.values import shown
from seqlstm.errors import nearest

ComponentConfig = dict[str, Any]
KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
Catalogue = Mapping[str, Mapping[str, Any]]
"""By component, such as "cell" or "backend": its constructors or classes by kind."""


def keywords(constructor: Callable[..., Any]) -> list[str]:
    """The options that a recipe can set: the constructor's keyword-only parameters."""
    parameters = inspect.signature(constructor).parameters
    return [name for name, parameter in parameters.items() if parameter.kind is KEYWORD_ONLY]


def type_hints(constructor: Callable[..., Any]) -> dict[str, Any]:
    """The types of a class's or a function's parameters."""
    return get_type_hints(constructor.__init__ if inspect.isclass(constructor) else constructor)


def check_component(name: str) -> Callable[[ComponentConfig, ValidationInfo], ComponentConfig]:
    """A validator of tables against the catalogue's constructors of the component `name`."""

    def check(table: ComponentConfig, info: ValidationInfo) -> ComponentConfig:
        constructors = (info.context or {}).get(name)
        if constructors is None:
            return table
        kind = shown(table.get("kind"))
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
    """Check options against the keywords of a constructor and their types.

    Raises:
        ValueError: an option is unknown, or has another type.
    """
    names, types = keywords(constructor), type_hints(constructor)
    for option, value in options.items():
        if option not in names:
            hint = nearest(shown(option), names) or f"it has {', '.join(names) or 'none'}"
            raise ValueError(f'{kind} has no option "{shown(option)}"; {hint}')
        check_value(f"{kind}'s {option}", value, types[option])


def check_choice(name: str, *others: str) -> Callable[[str, ValidationInfo], str]:
    """A validator of names: the kinds of the catalogue's component `name`, and `others`."""

    def check(value: str, info: ValidationInfo) -> str:
        choices = [*others, *(info.context or {}).get(name, [value])]
        if value not in choices:
            hint = nearest(shown(value), choices)
            problem = f"must be one of {', '.join(choices)}, was: {shown(value)}"
            raise ValueError(f"{problem}; {hint}" if hint else problem)
        return value

    return check


def check_value(name: str, value: Any, expected: Any) -> None:
    """Check the type of an option's value; `name` names the option in the error.

    Raises:
        ValueError: the value has another type.
    """
    try:
        TypeAdapter(expected).validate_python(value, strict=True)
    except ValidationError as error:
        problem = error.errors()[0]["msg"].replace("Input should", "must", 1)
        raise ValueError(f"{name} {problem}, was: {shown(value)}") from None
