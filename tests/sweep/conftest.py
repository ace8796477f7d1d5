"""Sweeps of a tiny language model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqlstm.sweep.plan import SweepPlan, read_plan
from tests.runs import LANGUAGE_MODEL, write_recipe

SWEEP = """# Two cells, for a test.
recipe = "recipe.toml"
seeds = [1, 2]
split = "validation"
score = "bits_per_byte"

[set]
threads = 1
model = { embedding_dim = 8, hidden_size = 8 }
training = { steps = 3, validate_every = "" }
"""

CELLS = """
[[variants]]
name = "elman"
set = { model = { cell = { kind = "elman" } } }

[[variants]]
name = "lstm"
set = { model = { cell = { kind = "lstm" } } }
"""

Write = Callable[..., Path]
Read = Callable[..., SweepPlan]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes a sweep and its recipe."""
    write_recipe(tmp_path, LANGUAGE_MODEL)

    def write_sweep(more: str = CELLS, *, sweep: str = SWEEP) -> Path:
        path = tmp_path / "sweep.toml"
        path.write_text(sweep + more, encoding="utf-8")
        return path

    return write_sweep


@pytest.fixture
def read(write: Write, tmp_path: Path) -> Read:
    """A function that writes a sweep and reads its plan."""

    def read_sweep(more: str = CELLS, *overrides: str, sweep: str = SWEEP) -> SweepPlan:
        return read_plan(str(write(more, sweep=sweep)), overrides, tmp_path / "out")

    return read_sweep
