"""Types of values, and the base class, of a recipe's tables."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Strict, Tag

Probability = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(gt=0, le=10**9)]
"""A positive number of things that are counted in 32 bits."""
LayerCount = Annotated[int, Field(gt=0, le=256)]
"""Layers are modules of Python: more of them would take long to build, whatever their size."""
Item = TypeVar("Item")
# TOML has arrays, no tuples: hence not strict.
Two = Annotated[tuple[Item, Item], Strict(False)]
Several = Annotated[tuple[Item, ...], Strict(False), Field(min_length=1)]


def single_or_list(value: Any) -> str:
    """The tag of a value in the unions below."""
    return "list" if isinstance(value, (list, tuple)) else "single"


OneOrTwo = Annotated[
    Annotated[Item, Tag("single")] | Annotated[Two[Item], Tag("list")],
    Discriminator(single_or_list),
]
OneOrSeveral = Annotated[
    Annotated[Item, Tag("single")] | Annotated[Several[Item], Tag("list")],
    Discriminator(single_or_list),
]


class Section(BaseModel):
    """Base of a recipe's tables: unknown keys are errors, and types are not converted."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )


Table = dict[str, Any]
