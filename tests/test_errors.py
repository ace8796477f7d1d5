from __future__ import annotations

import pytest

from seqlstm import errors
from seqlstm.errors import Mistake, RecipeError, UserError, nearest


def test_a_hint_follows_the_message() -> None:
    error = UserError("what is wrong", hint="what would be right")
    assert (error.message, error.hint) == ("what is wrong", "what would be right")
    assert str(error) == "what is wrong\nwhat would be right"
    assert str(UserError("what is wrong")) == "what is wrong"


def test_every_error_is_a_user_error_with_a_title() -> None:
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert len(classes) >= 7
    assert all(issubclass(error, UserError) and error.title.istitle() for error in classes)
    titles = {"Data", "Tokenizer", "Run", "Training", "Argument", "Recipe"}
    assert titles <= {error.title for error in classes}


def test_a_recipe_error_lists_every_mistake() -> None:
    mistakes = [Mistake("seed", "missing"), Mistake("sead", "unknown key", 'did you mean "seed"?')]
    error = RecipeError("my.toml", iter(mistakes))
    assert error.mistakes == tuple(mistakes)
    assert str(error).splitlines() == [
        "my.toml: 2 mistakes",
        "  seed: missing",
        '  sead: unknown key (did you mean "seed"?)',
    ]
    assert str(RecipeError("my.toml", mistakes[:1])).startswith("my.toml: 1 mistake\n")


@pytest.mark.parametrize(
    ("word", "expected"),
    [("hiden", 'did you mean "hidden"?'), ("layer", 'did you mean "layers"?'), ("zzz", None)],
)
def test_nearest(word: str, expected: str | None) -> None:
    assert nearest(word, iter(["hidden", "layers", "width"])) == expected
