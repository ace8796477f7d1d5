"""Options of `evaluate` that are for language models: context, dynamic evaluation, cache."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.evaluation.dynamic_evaluation import DynamicEvaluation
    from seqlstm.evaluation.neural_cache import NeuralCache


class Contexts(StrEnum):
    carried = "carried"
    reset = "reset"
    sliding = "sliding"


PANEL = "Language models"


def option(*names: str, text: str, **settings: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=PANEL, **settings)


Context = Annotated[
    Contexts | None,
    option(
        text="What is known of the text before: all of it, that of the same document or line, or "
        "that of a window. As it was trained, unless told."
    ),
]
MinContext = Annotated[
    int | None, option(min=1, text="Pieces known to every prediction of sliding windows: 256.")
]
Documents = Annotated[
    bool, option("--documents", text="Score each document (or line) by itself too.")
]
WithDynamic = Annotated[
    bool,
    option(
        "--dynamic",
        text="Also let the model learn from the text as it goes (dynamic evaluation, Krause et "
        "al., 2018), reported apart. The run stays as it is.",
    ),
]
DynamicRate = Annotated[float | None, option(min=0, text="η, of updates: 0.0001.")]
DynamicDecay = Annotated[float | None, option(min=0, text="λ, back to the trained weights: 0.002.")]
DynamicEpsilon = Annotated[
    float | None, option(text="ε, beside the gradients' root mean squares: 0.0001.")
]
DynamicSpan = Annotated[int | None, option(min=1, text="Pieces between updates: 20.")]
DynamicBatches = Annotated[
    int | None, option(min=1, text="Of training text, for gradient statistics: 200.")
]
WithCache = Annotated[
    bool,
    option(
        "--cache",
        text="Also keep a continuous cache of the text (Grave et al., 2017), reported apart.",
    ),
]
CacheSize = Annotated[int | None, option(min=1, text="Pieces it holds: 2000.")]
CacheFlatness = Annotated[
    float | None, option(min=0, text="θ: the larger, the more it heeds likeness: 0.3.")
]
CacheShare = Annotated[
    float | None, option(min=0, max=1, text="λ, of the cache in a probability: 0.1.")
]


def dynamic_of(wanted: bool, **values: Any) -> DynamicEvaluation | None:
    """Dynamic evaluation as its options say.

    Raises:
        ArgumentError: it is not wanted, and options are given; or one is out of its range.
    """
    given = given_for("dynamic", wanted, values)
    if not wanted:
        return None
    from seqlstm.evaluation.dynamic_evaluation import DynamicEvaluation

    return DynamicEvaluation(**given)


def cache_of(wanted: bool, **values: Any) -> NeuralCache | None:
    """A cache as its options say.

    Raises:
        ArgumentError: none is wanted, and options are given; or one is out of its range.
    """
    given = given_for("cache", wanted, values)
    if not wanted:
        return None
    from seqlstm.evaluation.neural_cache import NeuralCache

    return NeuralCache(**given)


def given_for(name: str, wanted: bool, values: dict[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in values.items() if value is not None}
    if given and not wanted:
        raise ArgumentError(f"--{name}-{next(iter(given))} cannot take effect without --{name}")
    return given
