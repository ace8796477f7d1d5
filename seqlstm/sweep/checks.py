"""What cannot be compared, though every recipe is right by itself: found before anything trains."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqlstm.config import Recipe
from seqlstm.config.data import DataConfig
from seqlstm.data.sources.read import BUILT_IN
from seqlstm.errors import DataError, Mistake, RecipeError, SplitError
from seqlstm.recipe.read import resolved_text
from seqlstm.recipe.splits import read_split
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.recurrent.catalogue import BLOCKS
from seqlstm.sweep.combinations import Combination
from seqlstm.sweep.schema import Sweep, folder_name

LONGEST = 200  # bytes of a folder's name: file systems take 255, and some add to it
NO_TOKENS: dict[str, Any] = {
    "data": {"batching", "max_length", "max_length_ratio", "drop_duplicates"},
    "tokenizer": {"subword_regularization"},
}
"""Keys of training alone: whatever they say, the tokens that are scored are the same."""


def named(found: Iterable[tuple[Mistake, str]], *, of: int) -> list[Mistake]:
    """Every mistake once, with the names of those that make it, unless all `of` them do."""
    makers: dict[Mistake, list[str]] = {}
    for mistake, name in found:
        makers.setdefault(mistake, []).append(name)
    return [
        mistake
        if len(names) == of
        else replace(mistake, problem=f"{mistake.problem} (in {'; '.join(names)})")
        for mistake, names in makers.items()
    ]


def disagreements(
    found: Sequence[Combination], sweep: Sweep, overridden: Collection[str]
) -> Iterator[Mistake]:
    """What is wrong with a sweep whose recipes are right.

    Args:
        found: its combinations.
        sweep: the file.
        overridden: the dotted keys that the command line sets.
    """
    yield from twins(found)
    own = [(mistake, one.name) for one in found for mistake in own_mistakes(one, sweep, overridden)]
    yield from named(own, of=len(found))
    names = [one.name for one in found]
    if sweep.baseline and not sweep.variants and sweep.baseline not in names:
        yield Mistake("baseline", f'no combination "{sweep.baseline}"', "; ".join(names))
    if sweep.score == "nats_per_token":
        others = [one.name for one in found if tokens_of(one.recipe) != tokens_of(found[0].recipe)]
        known = scores_of(found[0].recipe)
        right = "bits_per_byte" if "bits_per_byte" in known else "accuracy"
        if others:
            problem = f"not every token is the same: others in {'; '.join(others)}"
            yield Mistake("score", f"nats_per_token compares nothing where {problem}", right)


def twins(found: Sequence[Combination]) -> Iterator[Mistake]:
    """Two combinations that are one, and folders that cannot be."""
    texts: dict[str, Combination] = {}
    folders: dict[str, Combination] = {}
    for one in found:
        folder = folder_name(one.name).casefold()
        same = texts.setdefault(resolved_text(one.recipe), one)
        beside = folders.setdefault(folder, one)
        if len(folder.encode()) > LONGEST:
            yield Mistake(one.name, "is too long for a folder's name", "name it with a variant")
        if beside is not one:
            yield Mistake(one.name, f"would share a folder with {beside.name}", "rename one")
        elif same is not one:
            yield Mistake(one.name, f"trains the same recipe as {same.name}", "leave one out")


def own_mistakes(one: Combination, sweep: Sweep, overridden: Collection[str]) -> Iterator[Mistake]:
    """What the sweep asks of a combination that it cannot give."""
    known = scores_of(one.recipe)
    if sweep.score not in known:
        yield Mistake("score", f"its runs have no {sweep.score}", f"known: {', '.join(known)}")
    if sweep.streams > 1 and "bits_per_byte" not in known:
        yield Mistake("streams", "cannot take effect: its runs are not scored on one long text")
    if sweep.weights == "best" and one.recipe.training.validate_every is None:
        yield Mistake("weights", 'no "best" without training.validate_every', 'or weights = "last"')
    blocks = one.recipe.model.cell["kind"] in BLOCKS
    if sweep.budget and blocks and "model.embedding_dim" in {*one.form.keys, *overridden}:
        problem = "cannot take effect: blocks are as wide as the hidden size that the budget finds"
        yield Mistake("model.embedding_dim", problem, "leave it out")


def scores_of(recipe: Recipe) -> tuple[str, ...]:
    """What `evaluate` measures of a recipe's runs, and a sweep may compare."""
    return TASKS[recipe.task].scores


def tokens_of(recipe: Recipe) -> dict[str, Any]:
    """What decides which tokens are scored."""
    return {
        name: getattr(recipe, name).model_dump(exclude=keys) for name, keys in NO_TOKENS.items()
    }


def check_data(
    found: Sequence[Combination], *, where: str, split: str, offline: bool = False
) -> None:
    """Make sure that the split exists, and that options of generated sources make sense.

    Args:
        found: combinations that are to be trained.
        where: the name that an error gives to the sweep.
        split: to be scored.
        offline: leave out what the network may be needed for.

    Raises:
        RecipeError: names every mistake, and whose it is.
    """
    known: dict[str, Mistake | None] = {}
    mistakes = []
    for one in found:
        data = one.recipe.data
        key = data.model_dump_json(exclude={"batching"})
        if key not in known:
            known[key] = None if offline and not at_hand(data) else data_mistake(data, split)
        if mistake := known[key]:
            mistakes.append((mistake, one.name))
    if mistakes:
        raise RecipeError(where, named(mistakes, of=len(found)))


def at_hand(data: DataConfig) -> bool:
    """Whether the source is built in or here as files."""
    source = data.source
    return not isinstance(source, str) or source in BUILT_IN or Path(source).expanduser().exists()


def data_mistake(data: DataConfig, split: str) -> Mistake | None:
    """What reading the scored split, and a generated source's training split, says."""
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
