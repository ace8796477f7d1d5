"""The plan of a sweep: all its runs, checked before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seqlstm.config import Recipe, read_table
from seqlstm.errors import Mistake, RecipeError
from seqlstm.recipe.changes import flat
from seqlstm.recipe.corpus import with_placeholders
from seqlstm.recipe.read import CATALOGUE, read_run_recipe
from seqlstm.recipe.shipped import find_recipe, find_sweep
from seqlstm.recipe.source import parse_with_source
from seqlstm.recipe.splits import read_split
from seqlstm.recipe.tokenizers import make_tokenizers
from seqlstm.run.folder import RunFolder
from seqlstm.sweep.checks import comparison_mistakes, duplicates, merged
from seqlstm.sweep.combinations import Combination, variations_of
from seqlstm.sweep.parameter_budget import count_parameters, fit
from seqlstm.sweep.schema import Sweep, folder_name, override_keys, parse_sweep, refused_overrides
from seqlstm.text.tokenizer_pair import VocabularySizes

ANY_VOCABULARIES = (1000, 1000)  # to test whether a model can be built


@dataclass(frozen=True)
class Job:
    """One run of a sweep: a combination with a seed, its folder and its evaluation."""

    combination: str
    seed: int
    recipe: Recipe
    folder: Path
    split: str
    weights: str
    streams: int


@dataclass(frozen=True)
class SweepPlan:
    """A sweep with resolved recipes.

    Attributes:
        name: the name or path on the command line.
        overrides: for every run.
        sweep: the file.
        folder: of the runs and results.
        combinations: in the order of the table.
    """

    name: str
    overrides: tuple[str, ...]
    sweep: Sweep
    folder: Path
    combinations: list[Combination]

    def jobs(self, combination: Combination | None = None) -> list[Job]:
        """The runs of all combinations or of one, ordered by seed."""
        return [
            Job(
                combination=one.name,
                seed=seed,
                recipe=one.recipe.model_copy(update={"seed": seed}),
                folder=self.folder / folder_name(one.name) / str(seed),
                split=self.sweep.split,
                weights=self.sweep.weights,
                streams=self.sweep.streams,
            )
            for seed in self.sweep.seeds
            for one in ([combination] if combination else self.combinations)
        ]

    def baseline(self, combination: Combination) -> Combination:
        """The combination to compare with: the baseline variant at the same varied values."""
        point = combination.variation.point
        rivals = [one for one in self.combinations if one.variation.point == point]
        names = [one.variation.variant.name for one in rivals if one.variation.variant]
        if not names:
            rivals, names = self.combinations, [one.name for one in self.combinations]
        return rivals[names.index(self.sweep.baseline or names[0])]


def read_plan(name: str, overrides: Sequence[str], folder: Path) -> SweepPlan:
    """The plan of a sweep, with hidden sizes for its budget. Writes nothing.

    Args:
        name: name or path of the sweep.
        overrides: for every run, by dotted key.
        folder: of the runs.

    Raises:
        RecipeError: lists every mistake of the sweep or of its recipes; or the folder has runs of
            other recipes.
        UserError: from reading the data, if a budget needs the vocabulary.
    """
    path = find_sweep(name)
    sweep = parse_sweep(read_table(path), where=name)
    if mistakes := [*refused_overrides(overrides, sweep)]:
        raise RecipeError("overrides", mistakes)
    plan = SweepPlan(name, tuple(overrides), sweep, folder, resolve(name, path, sweep, overrides))
    if sweep.budget:
        plan = replace(plan, combinations=with_budget(plan, sweep.budget))
        if mistakes := [*duplicates(plan.combinations)]:
            raise RecipeError(name, mistakes)
    refuse_changed(plan)
    return plan


def resolve(name: str, path: Path, sweep: Sweep, overrides: Sequence[str]) -> list[Combination]:
    """All combinations.

    Raises:
        RecipeError: lists every mistake of every recipe.
    """
    beside = path.parent / sweep.recipe
    file = find_recipe(str(beside) if beside.is_file() else sweep.recipe)
    base = read_table(file)
    combinations: list[Combination] = []
    mistakes: list[tuple[Mistake, str]] = []
    variations = [*variations_of(sweep, file.stem)]
    for variation in variations:
        try:
            recipe = parse_with_source(
                variation.apply(base),
                overrides,
                where=variation.name,
                catalogue=CATALOGUE,
                base=base,
                changed=variation.keys,
            )
            if not sweep.budget:
                count_parameters(recipe, ANY_VOCABULARIES)
            combinations.append(Combination(variation, recipe))
        except RecipeError as error:
            mistakes += [(mistake, variation.name) for mistake in error.mistakes]
    if mistakes:
        raise RecipeError(name, merged(mistakes, count=len(variations)))
    if wrong := [*comparison_mistakes(combinations, sweep, override_keys(overrides))]:
        raise RecipeError(name, wrong)
    return combinations


def with_budget(plan: SweepPlan, budget: int) -> list[Combination]:
    """The combinations with the hidden sizes for a budget, at their real vocabulary sizes.

    A tokenizer may have fewer pieces than its recipe sets: it is read from the combination's first
    run or, if there is none, trained on the data as that run will do.

    Raises:
        RecipeError: a combination cannot have as many parameters.
        UserError: the data or a tokenizer cannot be read, or a tokenizer not be trained.
    """
    sizes: dict[str, VocabularySizes] = {}
    resized = []
    for one in plan.combinations:
        recipe = one.recipe
        key = recipe.data.model_dump_json() + recipe.tokenizer.model_dump_json()
        if key not in sizes:
            sizes[key] = vocabularies_of(recipe, [job.folder for job in plan.jobs(one)])
        try:
            fitted, parameters = fit(recipe, vocabularies=sizes[key], budget=budget)
        except RecipeError as error:
            raise RecipeError(f"{plan.name}, {one.name}", error.mistakes) from error
        resized.append(replace(one, recipe=fitted, parameters=parameters))
    return resized


def vocabularies_of(recipe: Recipe, runs: list[Path]) -> VocabularySizes:
    """The vocabulary sizes of a recipe's tokenizers."""
    for folder in map(RunFolder, runs):
        if folder.holds_tokenizers():
            return folder.read_tokenizers().vocab_sizes
    train, _ = with_placeholders(recipe, read_split(recipe.data, "train"))
    return make_tokenizers(recipe, train)[0].vocab_sizes


def refuse_changed(plan: SweepPlan) -> None:
    """Make sure that the runs in the folder have this sweep's recipes. Threads may differ.

    Raises:
        RecipeError: lists every key that differs, with a run.
    """
    folders: dict[tuple[str, str], list[str]] = {}
    for job in plan.jobs():
        if not RunFolder(job.folder).card.is_file():
            continue
        old = flat(read_run_recipe(RunFolder.open(job.folder)).model_dump())
        new = flat(job.recipe.model_dump())
        for key in sorted(old.keys() | new.keys()):
            if key != "threads" and old.get(key) != new.get(key):
                problem = f"the run has {old.get(key)}, the sweep {new.get(key)}"
                folders.setdefault((key, problem), []).append(str(job.folder))
    mistakes = [
        Mistake(key, problem, runs[0] if len(runs) == 1 else f"{runs[0]} and {len(runs) - 1} more")
        for (key, problem), runs in folders.items()
    ]
    if mistakes:
        where = f"{plan.folder} holds runs of another sweep; use another folder (--run DIR)"
        raise RecipeError(where, mistakes)
