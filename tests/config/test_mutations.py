"""Damaged recipes and sweeps: each is accepted, or refused with its mistakes."""

from __future__ import annotations

import tomllib
from itertools import islice
from pathlib import Path

import pytest

from seqlstm.config import read_table
from seqlstm.errors import UserError
from seqlstm.recipe.memory_estimate import check_machine
from seqlstm.recipe.read import read_recipe, resolved_text
from seqlstm.sweep.plan import read_plan
from seqlstm.sweep.schema import parse_sweep
from tests.config.mutations import mutations, sweep_mutations


def check_recipe(text: str, file: Path) -> bool:
    """Whether `check` accepts a recipe, as far as it needs no data."""
    file.write_text(text, encoding="utf-8")
    message = ""
    try:
        recipe = read_recipe(str(file))
        check_machine(recipe)
        assert tomllib.loads(resolved_text(recipe))
    except UserError as error:
        message = str(error)
    assert len(message) < 20_000
    return not message


def check_sweep(text: str, file: Path) -> bool:
    """Whether `sweep --dry` accepts a sweep, as far as it needs no data."""
    file.write_text(text, encoding="utf-8")
    message = ""
    try:
        if not parse_sweep(read_table(file), where="sweep").budget:
            read_plan(str(file), [], file.parent / "runs")
    except UserError as error:
        message = str(error)
    assert len(message) < 20_000
    return not message


@pytest.mark.parametrize("seed", range(4))
def test_damaged_recipes(seed: int, tmp_path: Path) -> None:
    texts = islice(mutations(seed), 75)
    accepted = [check_recipe(text, tmp_path / "recipe.toml") for text in texts]
    assert 5 < sum(accepted) < 40


def test_damaged_sweeps(tmp_path: Path) -> None:
    texts = islice(sweep_mutations(0), 60)
    accepted = [check_sweep(text, tmp_path / "sweep.toml") for text in texts]
    assert 0 < sum(accepted) < 40


def test_a_seed_gives_the_same_texts() -> None:
    assert [*islice(mutations(3), 20)] == [*islice(mutations(3), 20)]
    assert len({*islice(mutations(3), 20)}) == 20
