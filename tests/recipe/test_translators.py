"""Every part that a recipe can choose for a translator."""

from __future__ import annotations

import pytest

from seqlstm.models.attention import ATTENTIONS
from tests.recipe.test_cells_in_recipes import build, learns, mistakes


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("kind", ATTENTIONS)
def test_every_attention_makes_a_model_that_learns(kind: str, heads: int) -> None:
    model = build("translation", f'model.attention={{kind="{kind}", heads={heads}}}')
    attention = next(module for module in model.modules() if type(module) is ATTENTIONS[kind])
    assert attention.heads == heads
    assert learns(model)


def test_general_attention_is_the_default() -> None:
    names = [name for name, _ in build("translation").named_parameters() if "attention" in name]
    assert [name.split(".")[-2:] for name in names] == [["query", "weight"]]


@pytest.mark.parametrize(
    ("overrides", "key", "problem"),
    [
        (
            ['model.attention={kind="dot"}', "model.encoder.hidden=12"],
            "model.attention",
            "must be equally wide, were: 8 and 12",
        ),
        (['model.attention={kind="additive", heads=3}'], "model.attention", "heads must divide"),
    ],
)
def test_one_clear_mistake(overrides: list[str], key: str, problem: str) -> None:
    (found,) = mistakes("translation", *overrides)
    assert found.key == key
    assert problem in found.problem
