"""The hidden size for a budget equals that of an exhaustive search."""

from __future__ import annotations

import pytest

from seqlstm.config import Recipe, parse
from seqlstm.errors import RecipeError
from seqlstm.recipe.read import CATALOGUE
from seqlstm.sweep.parameter_budget import count_parameters, fit

PIECES = (50, 50)


def recipe(**model: object) -> Recipe:
    table = {
        "task": "language-model",
        "data": {"source": "x", "text": "text", "batching": {"kind": "stream"}},
        "model": {"embedding_dim": 6, "tie_embeddings": False} | model,
        "training": {"steps": 1},
    }
    return parse(table, where="recipe", catalogue=CATALOGUE)


def at(hidden: int, **model: object) -> int:
    return count_parameters(recipe(hidden_size=hidden, **model), PIECES)


@pytest.mark.parametrize("kind", ["lstm", "elman"])
def test_the_nearest_size_is_found(kind: str) -> None:
    cell = {"kind": kind}
    every = {hidden: at(hidden, cell=cell) for hidden in range(1, 70)}
    for budget in (1500, 2000, 3333, 5000):
        nearest = min(every, key=lambda hidden: abs(every[hidden] - budget))
        sized, parameters = fit(
            recipe(cell=cell, hidden_size=9), vocabularies=PIECES, budget=budget
        )
        assert (sized.model.hidden_size, parameters) == (nearest, every[nearest])
        assert sized.model.embedding_dim == 6


def test_an_exact_budget_is_met() -> None:
    assert fit(recipe(), vocabularies=PIECES, budget=at(31))[0].model.hidden_size == 31


def test_impossible_sizes_are_skipped() -> None:
    cell = {"kind": "slstm", "heads": 3}
    every = {hidden: at(hidden, cell=cell) for hidden in range(3, 70, 3)}
    nearest = min(every, key=lambda hidden: abs(every[hidden] - 5000))
    sized, parameters = fit(recipe(cell=cell), vocabularies=PIECES, budget=5000)
    assert (sized.model.hidden_size, parameters) == (nearest, every[nearest])


def test_blocks_have_an_embedding_of_the_hidden_size() -> None:
    cell = {"kind": "xlstm", "mlstm": 1, "slstm": 0, "heads": 2}
    sized, parameters = fit(recipe(cell=cell), vocabularies=PIECES, budget=20_000)
    assert sized.model.embedding_dim == sized.model.hidden_size
    assert parameters == count_parameters(sized, PIECES)
    assert parameters == pytest.approx(20_000, rel=0.1)


def test_a_budget_smaller_than_the_embeddings() -> None:
    with pytest.raises(
        RecipeError, match=r"no hidden size comes within 10% of 200 \(hidden_size 1 has"
    ):
        fit(recipe(), vocabularies=PIECES, budget=200)


def test_a_model_without_a_possible_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlstm.sweep.parameter_budget.MAX_HIDDEN", 2**8)
    with pytest.raises(RecipeError, match="heads"):
        fit(recipe(cell={"kind": "slstm", "heads": 3000}), vocabularies=PIECES, budget=5000)


def test_only_blocks_change_the_embedding_size() -> None:
    with pytest.raises(RecipeError, match="goes round no layer"):
        fit(recipe(connection="residual"), vocabularies=PIECES, budget=5000)
    cell = {"kind": "xlstm", "heads": 2}
    with pytest.raises(RecipeError, match=r"model\.connection: must be plain") as caught:
        fit(recipe(cell=cell, connection="residual"), vocabularies=PIECES, budget=5000)
    assert len(caught.value.mistakes) == 1


@pytest.mark.parametrize("budget", [9000, 20_000])
def test_a_hidden_size_that_changes_nothing(budget: int) -> None:
    table = {
        "task": "translation",
        "data": {"source": "x", "pair": ["en", "de"], "batching": {"kind": "tokens"}},
        "model": {"embedding_dim": 6, "encoder": {"hidden_size": 8}, "decoder": {"hidden_size": 8}},
        "training": {"steps": 1},
    }
    both = parse(table, where="recipe", catalogue=CATALOGUE)
    with pytest.raises(RecipeError, match=r"model\.hidden_size changes no part of the model"):
        fit(both, vocabularies=PIECES, budget=budget)
