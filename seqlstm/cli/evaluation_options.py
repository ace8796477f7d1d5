"""Options of `evaluate` for one kind of model: tokens and references of translators; context,
dynamic evaluation and cache of language models.
"""

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
TRANSLATORS = "Translators"


def option(*names: str, text: str, **settings: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=PANEL, **settings)


Tokenize = Annotated[
    str | None,
    typer.Option(
        help="Tokens that BLEU counts, instead of the run's: auto (by the script of the "
        "references), or sacreBLEU's 13a, intl, zh, ja-mecab, ko-mecab, char, flores200, …",
        rich_help_panel=TRANSLATORS,
    ),
]
References = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Further references, line by line, instead of the recipe's columns. Repeatable; "
        "`none`: the target column alone.",
        rich_help_panel=TRANSLATORS,
    ),
]
Context = Annotated[
    Contexts | None,
    option(
        text="The context of each prediction: all the text before it (carried), only its own "
        "document or line (reset), or a window (sliding). Default: as in training."
    ),
]
MinContext = Annotated[
    int | None,
    option(min=1, text="Pieces of context that each prediction has in a sliding window: 256."),
]
Documents = Annotated[
    bool, option("--documents", text="Also score each document (or line) by itself.")
]
WithDynamic = Annotated[
    bool,
    option(
        "--dynamic",
        text="Also report scores with dynamic evaluation (Krause et al., 2018): the model learns "
        "from the text that it has read. The run folder does not change.",
    ),
]
DynamicRate = Annotated[
    float | None, option(min=0, text="η, the learning rate of the updates: 0.0001.")
]
DynamicDecay = Annotated[
    float | None, option(min=0, text="λ, the decay towards the trained weights: 0.002.")
]
DynamicEpsilon = Annotated[
    float | None, option(text="ε, added to the gradients' root mean squares: 0.0001.")
]
DynamicSpan = Annotated[int | None, option(min=1, text="Pieces between two updates: 20.")]
DynamicBatches = Annotated[
    int | None, option(min=1, text="Training batches for the gradient statistics: 200.")
]
WithCache = Annotated[
    bool,
    option(
        "--cache",
        text="Also report scores with a continuous cache of the text (Grave et al., 2017).",
    ),
]
CacheSize = Annotated[int | None, option(min=1, text="Pieces in the cache: 2000.")]
CacheFlatness = Annotated[
    float | None, option(min=0, text="θ: larger values favour similar hidden states more: 0.3.")
]
CacheShare = Annotated[
    float | None, option(min=0, max=1, text="λ, the weight of the cache's probability: 0.1.")
]


def dynamic_evaluation(enabled: bool, **options: Any) -> DynamicEvaluation | None:
    """Dynamic evaluation with the options of the command line; None without `--dynamic`.

    Raises:
        ArgumentError: an option is set without `--dynamic`, or is out of its range.
    """
    options = set_options("dynamic", enabled, options)
    if not enabled:
        return None
    from seqlstm.evaluation.dynamic_evaluation import DynamicEvaluation

    return DynamicEvaluation(**options)


def neural_cache(enabled: bool, **options: Any) -> NeuralCache | None:
    """A continuous cache with the options of the command line; None without `--cache`.

    Raises:
        ArgumentError: an option is set without `--cache`, or is out of its range.
    """
    options = set_options("cache", enabled, options)
    if not enabled:
        return None
    from seqlstm.evaluation.neural_cache import NeuralCache

    return NeuralCache(**options)


def set_options(name: str, enabled: bool, options: dict[str, Any]) -> dict[str, Any]:
    """The options that are set, under the names that the constructor has for them."""
    options = {key: value for key, value in options.items() if value is not None}
    if options and not enabled:
        raise ArgumentError(f"--{name}-{next(iter(options))} cannot take effect without --{name}")
    return options
