"""The plan of a sweep, and its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqlstm.config import read_table
from seqlstm.errors import RecipeError, UserError
from seqlstm.recipe.shipped import find_recipe, find_sweep, recipe_paths, sweep_paths
from seqlstm.sweep.plan import read_plan, resolve
from seqlstm.sweep.schema import parse_sweep
from tests.sweep.conftest import CELLS, SWEEP, Read


def test_every_combination_at_every_seed(read: Read, tmp_path: Path) -> None:
    plan = read(CELLS, "training.steps=7", "model.embedding_dim=5")
    jobs = plan.jobs()
    assert [(job.combination, job.seed) for job in jobs] == [
        *(("elman", 1), ("lstm", 1), ("elman", 2), ("lstm", 2))
    ]
    assert [job.folder for job in plan.jobs(plan.combinations[1])] == [
        *(tmp_path / "out" / "lstm" / seed for seed in "12")
    ]
    for job in jobs:
        assert job.recipe.seed == job.seed
        assert job.recipe.model.cell == {"kind": job.combination}
        assert (job.recipe.training.steps, job.recipe.model.embedding_dim) == (7, 5)
        assert job.recipe.training.validate_every is None


def test_a_budget_uses_the_real_vocabulary_size(read: Read) -> None:
    # The tokenizer of so little text has fewer pieces than a recipe may set.
    budgeted = SWEEP.replace(", hidden_size = 8", "").replace("[set]", 'budget = "8k"\n[set]')
    spelling = "tokenizer={model_type='char', vocab_size=400}"
    for one in read(CELLS, spelling, sweep=budgeted).combinations:
        assert one.parameters == pytest.approx(8000, rel=0.02)
        assert one.recipe.model.hidden_size > 8


def test_a_budget_and_a_hidden_size_from_the_command_line(read: Read) -> None:
    budgeted = SWEEP.replace(", hidden_size = 8", "").replace("[set]", 'budget = "8k"\n[set]')
    with pytest.raises(RecipeError, match=r"model\.hidden_size: cannot take effect"):
        read(CELLS, "model.hidden_size=3", sweep=budgeted)
    with pytest.raises(RecipeError, match="seed: cannot take effect"):
        read(CELLS, "seed=3")


def test_mistakes_of_recipes_name_their_combinations(read: Read) -> None:
    wrong = CELLS.replace('{ kind = "lstm" }', '{ kind = "lsmt" }')
    with pytest.raises(RecipeError) as caught:
        read(wrong, "traning.steps=3")
    found = {mistake.key: str(mistake) for mistake in caught.value.mistakes}
    assert "(in lstm)" in found["model.cell"]
    assert 'did you mean "lstm"?' in found["model.cell"]
    assert "(in " not in found["traning"]


def test_a_model_that_cannot_be_built(read: Read) -> None:
    with pytest.raises(RecipeError, match="goes round no layer"):
        read(CELLS, "model.connection=residual", "model.hidden_size=9")


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (
            '[vary]\n"model.num_layers" = [1, 1]\n',
            "num_layers=1: would share a folder with num_layers=1",
        ),
        (CELLS + '[[variants]]\nname = "LSTM"\n', "LSTM: would share a folder with lstm"),
        (CELLS + '[[variants]]\nname = "again"\n', "again: trains the same recipe as lstm"),
    ],
)
def test_duplicate_combinations(read: Read, more: str, problem: str) -> None:
    with pytest.raises(RecipeError, match=problem):
        read(more)


def test_an_override_that_makes_combinations_equal(read: Read) -> None:
    with pytest.raises(RecipeError, match="lstm: trains the same recipe as elman"):
        read(CELLS, "model.cell={kind='gru'}")


def test_a_score_that_the_recipes_do_not_have(read: Read) -> None:
    with pytest.raises(RecipeError, match=r"score: its runs have no bleu .allowed: nats_per_t"):
        read(sweep=SWEEP.replace("bits_per_byte", "bleu"))


def test_an_unknown_baseline_without_variants(read: Read) -> None:
    named = SWEEP.replace("[set]", 'baseline = "num_layers=3"\n[set]')
    with pytest.raises(
        RecipeError,
        match=r'baseline: no combination "num_layers=3" .allowed: num_layers=1; num_lay',
    ):
        read('[vary]\n"model.num_layers" = [1, 2]\n', sweep=named)


class TestFiles:
    def test_a_sweep_is_no_recipe(self) -> None:
        assert "odyssey" in sweep_paths()
        assert not sweep_paths().keys() & recipe_paths().keys()
        with pytest.raises(UserError, match="odyssey is a sweep, not a recipe") as caught:
            find_recipe("odyssey")
        assert caught.value.hint == "seqlstm sweep odyssey"
        with pytest.raises(UserError, match="dates-en-de is no sweep"):
            find_sweep("dates-en-de")

    def test_an_unknown_sweep_suggests_the_nearest(self) -> None:
        with pytest.raises(UserError, match='no sweep "odysey"') as caught:
            find_sweep("odysey")
        assert caught.value.hint == 'did you mean "odyssey"?'

    @pytest.mark.parametrize("name", sweep_paths())
    def test_every_shipped_sweep_resolves(self, name: str) -> None:
        path = sweep_paths()[name]
        sweep = parse_sweep(read_table(path), where=name)
        found = resolve(name, path, sweep, [])
        assert len(found) >= max(1, len(sweep.variants))
        assert f"\n#   seqlstm sweep {name}" in path.read_text(encoding="utf-8")

    def test_a_recipe_may_have_any_path(self, tmp_path: Path, read: Read) -> None:
        read()  # writes both
        (tmp_path / "elsewhere").mkdir()
        moved = (tmp_path / "sweep.toml").rename(tmp_path / "elsewhere" / "sweep.toml")
        named = SWEEP.replace("recipe.toml", (tmp_path / "recipe.toml").as_posix())
        moved.write_text(named + CELLS)
        assert len(read_plan(str(moved), [], tmp_path / "out").jobs()) == 4
