"""The task "prompts": its keys, and keys that cannot take effect."""

from __future__ import annotations

import tomllib

import pytest

from seqlstm.config import parse
from seqlstm.config.data import TokenBatchingConfig
from seqlstm.errors import Mistake, RecipeError
from seqlstm.recipe.read import resolved_text
from tests.config.cases import CATALOGUE, recipe

COLUMNS = ("data.text=", "data.prompt=question", "data.completion=reply")
PROMPTS = ("task=prompts", *COLUMNS, 'data.batching={kind="tokens", max_tokens=99}')


def mistakes(*overrides: str, task: str = "language-model") -> list[Mistake]:
    with pytest.raises(RecipeError) as caught:
        recipe(task, *overrides)
    return list(caught.value.mistakes)


def test_keys_of_the_task() -> None:
    stated = recipe(
        "language-model",
        *PROMPTS,
        "data.max_length=40",
        "data.drop_duplicates=true",
        "tokenizer.subword_regularization=0.1",
        "training.validate_every=5",
        "training.metric=accuracy",
    )
    assert isinstance(stated.data.batching, TokenBatchingConfig)
    again = parse(tomllib.loads(resolved_text(stated)), where="again", catalogue=CATALOGUE)
    assert again == stated
    assert not stated.resets


def test_the_text_has_the_keys_that_can_take_effect() -> None:
    data = tomllib.loads(resolved_text(recipe("language-model", *PROMPTS)))["data"]
    assert (data["max_length"], data["drop_duplicates"]) == (256, False)
    assert {"unit", "text", "max_length_ratio", "pair", "options"} & data.keys() == set()


def test_each_task_has_its_batching() -> None:
    (found,) = mistakes("task=prompts", *COLUMNS)
    assert found == Mistake("data.batching.kind", 'a prompts recipe needs "tokens"')
    (found,) = mistakes('data.batching={kind="tokens"}')
    assert found == Mistake("data.batching.kind", 'a language-model recipe needs "stream"')


@pytest.mark.parametrize("column", ["prompt", "completion"])
def test_prompts_have_two_columns(column: str) -> None:
    (found,) = mistakes(*PROMPTS, f"data.{column}=")
    assert found == Mistake(f"data.{column}", "missing: a prompts recipe names its columns here")


@pytest.mark.parametrize(
    "key",
    ["data.unit=document", "data.text=text", "data.max_length_ratio=2", 'data.pair=["a", "b"]'],
)
def test_keys_of_other_tasks_cannot_take_effect(key: str) -> None:
    problem = "cannot take effect in a prompts recipe"
    assert mistakes(*PROMPTS, key) == [Mistake(key.split("=")[0], problem, "leave it out")]


@pytest.mark.parametrize("task", ["translation", "language-model"])
@pytest.mark.parametrize("column", ["prompt", "completion"])
def test_other_tasks_have_no_prompts(task: str, column: str) -> None:
    (found,) = mistakes(f"data.{column}=reply", task=task)
    assert found.key == f"data.{column}"
    assert found.problem == f"cannot take effect in a {task} recipe"


@pytest.mark.parametrize(
    ("overrides", "known"),
    [
        ((*PROMPTS, "training.metric=bits_per_byte"), "known: accuracy, loss"),
        (("training.metric=accuracy",), "known: bits_per_byte, loss"),
    ],
)
def test_each_task_has_its_metrics(overrides: tuple[str, ...], known: str) -> None:
    (found,) = mistakes(*overrides, "training.validate_every=1")
    assert (found.key, found.suggestion) == ("training.metric", known)


def test_options_are_those_of_the_source() -> None:
    stated = recipe("language-model", *PROMPTS, "data.source=long-lag", "data.options={lag=20}")
    assert stated.data.options == {"lag": 20}
    assert "options = " in resolved_text(stated) or "[data.options]" in resolved_text(stated)


@pytest.mark.parametrize(
    ("source", "options", "problem"),
    [
        ("long-lag", "{lagg=20}", 'long-lag has no option "lagg"; did you mean "lag"?'),
        ("long-lag", '{lag="20"}', "long-lag's lag must be a valid integer, was: 20"),
        ("counting", '{language="abcd"}', "counting's language must be 'ab' or 'abc', was: abcd"),
        ("my/text", "{lag=20}", "cannot take effect: options are for long-lag"),
        ('{train="a.txt"}', "{lag=20}", "cannot take effect: options are for long-lag"),
    ],
)
def test_wrong_options(source: str, options: str, problem: str) -> None:
    (found,) = mistakes(*PROMPTS, f"data.source={source}", f"data.options={options}")
    assert found.key == "data.options"
    assert found.problem.startswith(problem)
