"""The schema of a sweep file: recipe, variations, seeds, score and expectations."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    Strict,
    ValidationError,
)
from pydantic_core import ErrorDetails

from seqlstm.config.base import Item, Section, Table
from seqlstm.config.messages import explain
from seqlstm.config.parse import read_overrides
from seqlstm.config.values import MAX_DEPTH, number_mistakes, shown, toml_key
from seqlstm.errors import Mistake, RecipeError, nearest

Many = Annotated[tuple[Item, ...], Strict(False)]  # TOML has arrays, no tuples
Choices = Annotated[list[Any], Field(min_length=1)]
Score = Literal[
    "nats_per_token",
    "bits_per_byte",
    "perplexity_per_word",
    "accuracy",
    "bleu",
    "chrf",
    "exact_match",
]
LESS_IS_BETTER = {"nats_per_token", "bits_per_byte", "perplexity_per_word"}
RELATIONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
MAX_BUDGET = 1e18
"""The largest number of parameters: a larger one is as far out of reach."""
MAX_COMBINATIONS = 10_000
"""Of values and variants; each has several runs."""
UNITS = {"": 1, "k": 10**3, "M": 10**6}


@dataclass(frozen=True)
class Expectation:
    """A bound on a score, such as ">= 0.95"."""

    relation: str
    bound: float

    def holds(self, value: float) -> bool:
        """Whether a score is as expected."""
        return bool(RELATIONS[self.relation](value, self.bound))

    def __str__(self) -> str:
        return f"{self.relation} {self.bound:g}"


def read_expectation(text: Any) -> Any:
    match = re.fullmatch(r"\s*(>=|<=|>|<)\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*", str(text))
    if not match or not math.isfinite(float(match[2])):
        raise ValueError(f'must be like ">= 0.95", was: {shown(text)}')
    return Expectation(match[1], float(match[2]))


def read_budget(value: Any) -> Any:
    match = re.fullmatch(r"([\d_]+(?:\.\d+)?)\s*([kM]?)", str(value))
    if not match:
        problem = 'must be a number of parameters, like "1M" or "250k"'
        raise ValueError(f"{problem}, was: {shown(value)}")
    return round(min(float(match[1]) * UNITS[match[2]], MAX_BUDGET))


def read_name(name: str) -> str:
    if not folder_name(name):
        raise ValueError(f'must have a letter or a digit for a folder name, was: "{shown(name)}"')
    return name


def folder_name(name: str) -> str:
    """The name of a combination as a folder name that every file system allows."""
    return re.sub(r"[^\w.,=+-]+", "_", name.replace(", ", ",")).strip("._")


class Variant(Section):
    """A variant of the recipe.

    `name`: name of the variant, and of its folder.
    `set`: table of the recipe's keys that the variant changes.
    `expect`: a relation that the score must satisfy, such as ">= 0.95", in at least `runs` runs.
    `runs`: number of seeds in which the score must be as expected; by default all.
    """

    name: Annotated[str, AfterValidator(read_name)]
    set: Table = Field(default_factory=dict)
    expect: Annotated[Expectation, BeforeValidator(read_expectation)] | None = None
    runs: PositiveInt | None = None


class Sweep(Section):
    """A sweep: runs of one recipe with changed keys, each with several seeds.

    `recipe`: a file beside the sweep, a path, or the name of a recipe that came with the package.
    `seeds`: seeds of the runs of every combination.
    `split`: split of the data on which runs are scored.
    `score`: the value of `seqlstm evaluate` by which combinations are compared.
    `weights`: weights that are scored: those of the last step, or the best by `training.metric`.
    `streams`: contiguous parts of a language model's text that are scored side by side.
    `budget`: number of parameters that every combination has; its hidden size follows from it.
    `baseline`: the variant, or without variants the combination, that the others are compared with;
    by default the first.
    `set`: keys of the recipe that are the same in all runs.
    `vary`: lists of values by dotted key; a run is made for each combination of values and variant.
    `variants`: named sets of changes.
    """

    recipe: str
    seeds: Annotated[Many[NonNegativeInt], Field(min_length=1)] = (1, 2, 3)
    split: str = "test"
    score: Score
    weights: Literal["last", "best"] = "last"
    streams: PositiveInt = 1
    budget: Annotated[PositiveInt, BeforeValidator(read_budget)] | None = None
    baseline: str | None = None
    set: Table = Field(default_factory=dict)
    vary: dict[str, Choices] = Field(default_factory=dict)
    variants: Many[Variant] = ()

    @property
    def less_is_better(self) -> bool:
        """Whether a smaller score is better."""
        return self.score in LESS_IS_BETTER


def parse_sweep(table: Table, *, where: str) -> Sweep:
    """A sweep from a TOML table.

    Args:
        table: as read from TOML.
        where: the name of the sweep in an error.

    Raises:
        RecipeError: lists every mistake of the sweep's own keys, without those of its recipes.
    """
    if wrong := [*number_mistakes(table)]:
        raise RecipeError(where, wrong)
    try:
        sweep = Sweep.model_validate(table)
    except ValidationError as error:
        raise RecipeError(where, [mistake_of(detail, table) for detail in error.errors()]) from None
    if mistakes := [*conflicts(sweep)]:
        raise RecipeError(where, mistakes)
    return sweep


def mistake_of(detail: ErrorDetails, table: Table) -> Mistake:
    """The mistake of an error from pydantic; variants are counted from 1."""
    *parents, last = location = detail["loc"]
    parts = (f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location)
    key = "".join(parts).removeprefix(".")
    if detail["type"] == "extra_forbidden":
        allowed = sorted((Variant if parents else Sweep).model_fields)
        hint = nearest(str(last), allowed) or f"allowed: {', '.join(allowed)}"
        return Mistake(key, "unknown key", hint)
    if detail["type"] in ("tuple_type", "list_type"):
        return Mistake(key, f"must be a list, was: {shown(detail['input'])}")
    return replace(explain(detail, table), key=key)


def conflicts(sweep: Sweep) -> Iterator[Mistake]:
    """Keys that contradict each other."""
    if len({*sweep.seeds}) < len(sweep.seeds):
        yield Mistake("seeds", "must be different, but a seed is there twice")
    for number, variant in enumerate(sweep.variants, 1):
        if variant.runs and not variant.expect:
            yield Mistake(f"variants[{number}].runs", "cannot take effect without expect")
        if variant.runs and variant.runs > len(sweep.seeds):
            yield Mistake(
                f"variants[{number}].runs",
                f"must be at most the number of seeds, {len(sweep.seeds)}, was: {variant.runs}",
            )
    yield from vary_mistakes(sweep)
    names = [variant.name for variant in sweep.variants]
    if sweep.baseline and names and sweep.baseline not in names:
        hint = nearest(sweep.baseline, names) or f"allowed: {', '.join(names)}"
        yield Mistake("baseline", f'no variant "{sweep.baseline}"', hint)
    changes = {
        "set": flat_keys(sweep.set),
        **{
            f"variants[{n}].set": flat_keys(variant.set)
            for n, variant in enumerate(sweep.variants, 1)
        },
        "vary": [
            *{
                key: None
                for varied, values in sweep.vary.items()
                for value in values
                for key in flat_keys({varied: value})
            }
        ],
    }
    for where, keys in changes.items():
        yield from (
            Mistake(f"{where}.{problem.key}", problem.problem, problem.suggestion)
            for problem in reserved(keys, sweep)
        )


def vary_mistakes(sweep: Sweep) -> Iterator[Mistake]:
    """Too many combinations, and keys that no recipe can have."""
    count = math.prod(map(len, sweep.vary.values())) * max(1, len(sweep.variants))
    if count > MAX_COMBINATIONS:
        yield Mistake("vary", f"{count:,} combinations, at most {MAX_COMBINATIONS:,} are possible")
    for key in sweep.vary:
        parts = key.split(".")
        if not all(parts) or len(parts) > MAX_DEPTH:
            yield Mistake(f"vary.{toml_key(key)}", "no key of a recipe")


def reserved(keys: list[str], sweep: Sweep) -> Iterator[Mistake]:
    """Mistakes for recipe keys that the sweep itself sets."""
    if "seed" in keys:
        yield Mistake("seed", "cannot take effect: the sweep sets it from seeds", "leave it out")
    if sweep.budget and "model.hidden_size" in keys:
        yield Mistake(
            "model.hidden_size", "cannot take effect: the budget sets it", "leave one out"
        )


def refused_overrides(overrides: Sequence[str], sweep: Sweep) -> Iterator[Mistake]:
    """Mistakes for overrides of keys that the sweep itself sets or varies."""
    yield from reserved(override_keys(overrides), sweep)
    for override in overrides:
        key = override.partition("=")[0].strip()
        for varied in sweep.vary:
            if f"{key}.".startswith(f"{varied}.") or f"{varied}.".startswith(f"{key}."):
                yield Mistake(key, f"the sweep varies {varied}", "leave it out")


def override_keys(overrides: Sequence[str]) -> list[str]:
    """The dotted keys that overrides set or remove, with those inside of tables."""
    named = [override.partition("=")[0].strip() for override in overrides]
    return list(dict.fromkeys([*named, *flat_keys(read_overrides({}, overrides))]))


def flat_keys(table: Table, prefix: str = "") -> list[str]:
    """The dotted keys of a table's values."""
    keys = []
    for key, value in table.items():
        inner = flat_keys(value, f"{prefix}{key}.") if isinstance(value, dict) else []
        keys += inner or [f"{prefix}{key}"]
    return keys
