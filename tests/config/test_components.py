"""Options of components are the keywords of their constructors."""

from __future__ import annotations

import pytest

from seqlstm.config import parse, read_overrides
from seqlstm.config.components import keywords
from seqlstm.errors import RecipeError
from seqlstm.recurrent.catalogue import CELLS
from tests.config.cases import TABLES, recipe


def constructor(width: int, *, gain: float = 1.0, heads: int = 1) -> None:
    """A constructor with sizes by position and options by keyword."""


def test_options_are_the_keyword_only_parameters() -> None:
    assert keywords(constructor) == ["gain", "heads"]
    assert keywords(CELLS["gru"]) == ["reset"]
    assert keywords(CELLS["elman"]) == []


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        (
            'model.cell={kind="gru", rest="after"}',
            'gru has no option "rest"; did you mean "reset"?',
        ),
        ('model.cell={kind="elman", reset="after"}', 'elman has no option "reset"; it has none'),
        ('model.cell={kind="lstm", hidden=3}', "it has forget_bias"),
        ('model.cell={kind="qqq"}', 'no cell of kind "qqq"; known are lstm, gru, elman'),
        ('model.attention={kind="dott"}', 'no attention of kind "dott"; did you mean "dot"?'),
        ('model.attention={kind="dot", heds=2}', 'did you mean "heads"?'),
        ("model.attention={heads=2}", "names no kind; known are general, dot, additive"),
        (
            'model.attention={kind="dot", heads=2.0}',
            "dot's heads must be a valid integer, was: 2.0",
        ),
        ('model.cell={kind="lstm", forget_bias="x"}', "lstm's forget_bias must be a valid number"),
        ('model.cell={kind="gru", reset="never"}', "gru's reset must be 'after' or 'before'"),
    ],
)
def test_options_are_checked(override: str, problem: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe("translation", override)
    (mistake,) = caught.value.mistakes
    assert mistake.key == override.split("=")[0]
    assert problem in mistake.problem


def test_without_a_catalogue_every_table_is_valid() -> None:
    table = read_overrides(TABLES["translation"], ['model.cell={kind="future", depth=3}'])
    assert parse(table, where="recipe").model.cell == {"kind": "future", "depth": 3}


def test_backends_are_those_of_the_catalogue() -> None:
    table = read_overrides(TABLES["translation"], ["model.backend=quick"])
    assert parse(table, where="recipe").model.backend == "quick"
    with pytest.raises(RecipeError) as caught:
        parse(table, where="recipe", catalogue={"backend": {"quicker": None, "slow": None}})
    (mistake,) = caught.value.mistakes
    assert mistake.key == "model.backend"
    assert mistake.problem == (
        'must be one of auto, quicker, slow, was: quick; did you mean "quicker"?'
    )
