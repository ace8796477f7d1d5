"""A sweep's file into every run that it asks for, checked before anything trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seqlstm.config import Recipe, parse, read_overrides, read_table
from seqlstm.errors import Mistake, RecipeError
from seqlstm.recipe.read import CATALOGUE, read_run_recipe
from seqlstm.recipe.shipped import find_recipe, find_sweep
from seqlstm.recipe.splits import read_split
from seqlstm.recipe.tokenizers import make_tokenizers
from seqlstm.recipe.train import flat
from seqlstm.run.folder import RunFolder
from seqlstm.sweep.checks import disagreements, named, twins
from seqlstm.sweep.combinations import Combination, forms_of
from seqlstm.sweep.parameter_budget import count_parameters, fit
from seqlstm.sweep.schema import Sweep, folder_name, override_keys, parse_sweep, refused_overrides
from seqlstm.text.tokenizer_pair import VocabularySizes

ANY_VOCABULARIES = (1000, 1000)  # to learn whether a model can be built at all


@dataclass(frozen=True)
class Job:
    """One run of a sweep: a combination at a seed, in a folder, to be scored on a split."""

    combination: str
    seed: int
    recipe: Recipe
    folder: Path
    split: str
    weights: str
    streams: int


@dataclass(frozen=True)
class SweepPlan:
    """A sweep, ready to be run.

    Attributes:
        name: as the command names it.
        overrides: of every run.
        sweep: the file.
        folder: where its runs and results go.
        combinations: in the order of the table.
    """

    name: str
    overrides: tuple[str, ...]
    sweep: Sweep
    folder: Path
    combinations: list[Combination]

    def jobs(self, combination: Combination | None = None) -> list[Job]:
        """All runs, or a combination's: seed by seed, so that an early stop leaves whole rounds."""
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
        """Whom it is compared to: the baseline variant at the same varied values."""
        rivals = [one for one in self.combinations if one.form.point == combination.form.point]
        names = [one.form.variant.name for one in rivals if one.form.variant]
        if not names:
            rivals, names = self.combinations, [one.name for one in self.combinations]
        return rivals[names.index(self.sweep.baseline or names[0])]


def read_plan(name: str, overrides: Sequence[str], folder: Path) -> SweepPlan:
    """A sweep by name or path; every recipe parsed and, for a budget, sized. Writes nothing.

    Args:
        name: of the sweep.
        overrides: of every run, by dotted key.
        folder: where its runs stand or will stand.

    Raises:
        RecipeError: with every mistake of the sweep, or of its recipes; or a folder that holds runs
            of other recipes.
        UserError: of any kind, from the data, if the budget needs them.
    """
    path = find_sweep(name)
    sweep = parse_sweep(read_table(path), where=name)
    if mistakes := [*refused_overrides(overrides, sweep)]:
        raise RecipeError("overrides", mistakes)
    plan = SweepPlan(name, tuple(overrides), sweep, folder, resolve(name, path, sweep, overrides))
    if sweep.budget:
        plan = replace(plan, combinations=sized(plan, sweep.budget))
        if mistakes := [*twins(plan.combinations)]:
            raise RecipeError(name, mistakes)
    refuse_changed(plan)
    return plan


def resolve(name: str, path: Path, sweep: Sweep, overrides: Sequence[str]) -> list[Combination]:
    """Every combination's recipe, or every mistake in any of them."""
    beside = path.parent / sweep.recipe
    file = find_recipe(str(beside) if beside.is_file() else sweep.recipe)
    base = read_table(file)
    found: list[Combination] = []
    mistakes: list[tuple[Mistake, str]] = []
    forms = [*forms_of(sweep, file.stem)]
    for form in forms:
        table = read_overrides(form.of(base), overrides)
        try:
            recipe = parse(table, where=form.name, catalogue=CATALOGUE)
            if not sweep.budget:
                count_parameters(recipe, ANY_VOCABULARIES)
            found.append(Combination(form, recipe))
        except RecipeError as error:
            mistakes += [(mistake, form.name) for mistake in error.mistakes]
    if mistakes:
        raise RecipeError(name, named(mistakes, of=len(forms)))
    if apart := [*disagreements(found, sweep, override_keys(overrides))]:
        raise RecipeError(name, apart)
    return found


def sized(plan: SweepPlan, budget: int) -> list[Combination]:
    """Every combination at the hidden size that spends the budget, given its real vocabulary.

    A tokenizer may have fewer pieces than its recipe asks for: it is read from the combination's
    first run or, before there is one, made from the data as that run will make it.
    """
    made: dict[str, VocabularySizes] = {}
    found = []
    for one in plan.combinations:
        recipe = one.recipe
        key = recipe.data.model_dump_json() + recipe.tokenizer.model_dump_json()
        if key not in made:
            made[key] = vocabularies_of(recipe, [job.folder for job in plan.jobs(one)])
        try:
            fitted, parameters = fit(recipe, vocabularies=made[key], budget=budget)
        except RecipeError as error:
            raise RecipeError(f"{plan.name}, {one.name}", error.mistakes) from error
        found.append(replace(one, recipe=fitted, parameters=parameters))
    return found


def vocabularies_of(recipe: Recipe, runs: list[Path]) -> VocabularySizes:
    """How many pieces a recipe's tokenizers have."""
    for folder in map(RunFolder, runs):
        if folder.holds_tokenizers():
            return folder.read_tokenizers().vocab_sizes
    return make_tokenizers(recipe, read_split(recipe.data, "train")).vocab_sizes


def refuse_changed(plan: SweepPlan) -> None:
    """Make sure that the runs which stand there are this sweep's. Threads may differ.

    Raises:
        RecipeError: names every key that differs, and a run where it does.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for job in plan.jobs():
        if not RunFolder(job.folder).card.is_file():
            continue
        old = flat(read_run_recipe(RunFolder.open(job.folder)).model_dump())
        new = flat(job.recipe.model_dump())
        for key in sorted(old.keys() | new.keys()):
            if key != "threads" and old.get(key) != new.get(key):
                problem = f"the run has {old.get(key)}, the sweep {new.get(key)}"
                found.setdefault((key, problem), []).append(str(job.folder))
    mistakes = [
        Mistake(key, problem, runs[0] if len(runs) == 1 else f"{runs[0]} and {len(runs) - 1} more")
        for (key, problem), runs in found.items()
    ]
    if mistakes:
        where = f"{plan.folder} holds runs of another sweep; name another folder (--run DIR)"
        raise RecipeError(where, mistakes)
