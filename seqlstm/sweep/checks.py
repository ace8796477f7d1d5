"""Checks of a sweep as a whole, before training: each recipe is valid, but can they be compared?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from os.path import exists, expanduser
from typing import Any

from seqlstm.config import Recipe
from seqlstm.config.data import BUILT_IN_PREFIX, DataConfig
from seqlstm.data.sources.read import BUILT_IN
from seqlstm.errors import DataError, Mistake, RecipeError, SplitError
from seqlstm.recipe.memory_estimate import check_machine
from seqlstm.recipe.read import resolved_text
from seqlstm.recipe.splits import read_split
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.recurrent.catalogue import BLOCKS
from seqlstm.sweep.combinations import Combination
from seqlstm.sweep.schema import Sweep, folder_name

MAX_NAME = 200  # bytes of a folder's name; file systems allow 255
TRAINING_ONLY: dict[str, Any] = {
    "data": {"batching", "max_length", "max_length_ratio", "drop_duplicates"},
    "tokenizer": {"subword_regularization"},
}
"""Keys, by section, that change training but not the tokens of an evaluation."""


def merged(mistakes: Iterable[tuple[Mistake, str]], *, count: int) -> list[Mistake]:
    """Each mistake once, with the names of its combinations, unless all `count` of them have it."""
    names_of: dict[Mistake, list[str]] = {}
    for mistake, name in mistakes:
        names_of.setdefault(mistake, []).append(name)
    return [
        mistake
        if len(names) == count
        else replace(mistake, problem=f"{mistake.problem} (in {'; '.join(names)})")
        for mistake, names in names_of.items()
    ]


def comparison_mistakes(
    combinations: Sequence[Combination], sweep: Sweep, overridden: Collection[str]
) -> Iterator[Mistake]:
    """The mistakes of a sweep whose recipes are valid.

    Args:
        combinations: all of the sweep.
        sweep: the file.
        overridden: the dotted keys that the command line sets.
    """
    yield from duplicates(combinations)
    mistakes = [
        (mistake, combination.name)
        for combination in combinations
        for mistake in own_mistakes(combination, sweep, overridden)
    ]
    yield from merged(mistakes, count=len(combinations))
    names = [combination.name for combination in combinations]
    if sweep.baseline and not sweep.variants and sweep.baseline not in names:
        problem = f'no combination "{sweep.baseline}"'
        yield Mistake("baseline", problem, f"allowed: {'; '.join(names)}")
    if sweep.score == "nats_per_token":
        first = combinations[0].recipe
        expected = evaluated_tokens(first)
        others = [one.name for one in combinations if evaluated_tokens(one.recipe) != expected]
        if others:
            problem = (
                f"nats_per_token needs the same tokens everywhere: others in {'; '.join(others)}"
            )
            score = "bits_per_byte" if "bits_per_byte" in scores_of(first) else "accuracy"
            yield Mistake("score", problem, f"use {score}")


def duplicates(combinations: Sequence[Combination]) -> Iterator[Mistake]:
    """Combinations with the same recipe or folder, and names too long for a folder."""
    texts: dict[str, Combination] = {}
    folders: dict[str, Combination] = {}
    for one in combinations:
        folder = folder_name(one.name).casefold()
        same_recipe = texts.setdefault(resolved_text(one.recipe), one)
        same_folder = folders.setdefault(folder, one)
        if len(folder.encode()) > MAX_NAME:
            problem = f"the name is too long for a folder: at most {MAX_NAME} bytes"
            yield Mistake(one.name, problem, "give it a name with a variant")
        if same_folder is not one:
            yield Mistake(one.name, f"would share a folder with {same_folder.name}", "rename one")
        elif same_recipe is not one:
            yield Mistake(
                one.name, f"trains the same recipe as {same_recipe.name}", "leave one out"
            )


def own_mistakes(one: Combination, sweep: Sweep, overridden: Collection[str]) -> Iterator[Mistake]:
    """Keys of the sweep that do not fit a combination."""
    scores = scores_of(one.recipe)
    if sweep.score not in scores:
        yield Mistake("score", f"its runs have no {sweep.score}", f"allowed: {', '.join(scores)}")
    if sweep.streams > 1 and "bits_per_byte" not in scores:
        yield Mistake("streams", "cannot take effect: its runs are not scored on one long text")
    if sweep.weights == "best" and one.recipe.training.validate_every is None:
        problem = 'no "best" without training.validate_every'
        yield Mistake("weights", problem, 'set it, or use weights = "last"')
    blocks = one.recipe.model.cell["kind"] in BLOCKS
    if sweep.budget and blocks and "model.embedding_dim" in {*one.variation.keys, *overridden}:
        problem = "cannot take effect: blocks are as wide as the hidden size, which the budget sets"
        yield Mistake("model.embedding_dim", problem, "leave it out")


def scores_of(recipe: Recipe) -> tuple[str, ...]:
    """The scores of `evaluate` for a recipe's runs that a sweep can compare."""
    return TASKS[recipe.task].scores


def evaluated_tokens(recipe: Recipe) -> dict[str, Any]:
    """The keys of a recipe that determine the tokens of an evaluation."""
    return {
        name: getattr(recipe, name).model_dump(exclude=keys) for name, keys in TRAINING_ONLY.items()
    }


def check_machines(combinations: Sequence[Combination], *, where: str) -> None:
    """Check what the runs ask of this machine: threads, and memory.

    Args:
        combinations: those to train.
        where: the name of the sweep in an error.

    Raises:
        RecipeError: lists every mistake with the names of its combinations.
    """
    mistakes = []
    for one in combinations:
        try:
            check_machine(one.recipe)
        except RecipeError as error:
            mistakes += [(mistake, one.name) for mistake in error.mistakes]
    if mistakes:
        raise RecipeError(where, merged(mistakes, count=len(combinations)))


def check_data(
    combinations: Sequence[Combination], *, where: str, split: str, offline: bool = False
) -> None:
    """Make sure that the split exists, and that the options of generated sources are valid.

    Args:
        combinations: those to train.
        where: the name of the sweep in an error.
        split: the split of the scores.
        offline: skip sources that may need the network.

    Raises:
        RecipeError: lists every mistake with the names of its combinations.
    """
    checked: dict[str, Mistake | None] = {}
    mistakes = []
    for one in combinations:
        data = one.recipe.data
        key = data.model_dump_json(exclude={"batching"})
        if key not in checked:
            skip = offline and not is_local(data)
            checked[key] = None if skip else data_mistake(data, split)
        if mistake := checked[key]:
            mistakes.append((mistake, one.name))
    if mistakes:
        raise RecipeError(where, merged(mistakes, count=len(combinations)))


def is_local(data: DataConfig) -> bool:
    """Whether the source is built in, or files on this machine."""
    source = data.source
    if not isinstance(source, str) or source.removeprefix(BUILT_IN_PREFIX) in BUILT_IN:
        return True
    return exists(expanduser(source))


def data_mistake(data: DataConfig, split: str) -> Mistake | None:
    """The error of reading the scored split or a generated source's training split, if any."""
    try:
        for part in ("train", split) if data.options else (split,):
            read_split(data, part)
    except SplitError as error:
        return Mistake("split", error.message, error.hint)
    except DataError as error:
        options = error.message.removeprefix("data.options: ")
        key = "data" if options == error.message else "data.options"
        return Mistake(key, options, error.hint)
    return None
