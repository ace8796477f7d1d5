"""What the tables of a recipe have in common."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Strict, Tag

Probability = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
First = TypeVar("First")
Two = Annotated[tuple[First, First], Strict(False)]  # TOML has arrays, no tuples


Several = Annotated[tuple[First, ...], Strict(False), Field(min_length=1)]


def one_or_list(value: Any) -> str:
    return "list" if isinstance(value, (list, tuple)) else "one"


OneOrTwo = Annotated[
    Annotated[First, Tag("one")] | Annotated[Two[First], Tag("list")], Discriminator(one_or_list)
]
OneOrSeveral = Annotated[
    Annotated[First, Tag("one")] | Annotated[Several[First], Tag("list")],
    Discriminator(one_or_list),
]


class Section(BaseModel):
    """A table: unknown keys are mistakes, values keep the types that TOML gives them."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )


Table = dict[str, Any]
