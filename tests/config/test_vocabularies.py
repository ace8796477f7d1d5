"""Joint and separate vocabularies in recipes."""

from __future__ import annotations

import tomllib

import pytest

from seqlstm.config import parse
from seqlstm.config.tokenizer import TokenizerFileConfig, TrainedTokenizerConfig
from seqlstm.errors import Mistake
from seqlstm.recipe.read import resolved_text
from tests.config.cases import CATALOGUE, mistakes, recipe
from tests.config.test_prompts import PROMPTS

SEPARATE = "tokenizer.joint=false"
THREE_WAY = "three-way needs a joint vocabulary: here source and target have tables of their own"


@pytest.mark.parametrize(
    ("overrides", "vocabularies"),
    [
        ([], (8000,)),
        (["tokenizer.vocab_size=500"], (500,)),
        ([SEPARATE], (8000, 8000)),
        ([SEPARATE, "tokenizer.vocab_size=500"], (500, 500)),
        ([SEPARATE, "tokenizer.vocab_size=[500, 400]"], (500, 400)),
    ],
)
def test_the_vocabulary_sizes_of_the_models(
    overrides: list[str], vocabularies: tuple[int, ...]
) -> None:
    stated = recipe("translation", *overrides)
    assert isinstance(stated.tokenizer, TrainedTokenizerConfig)
    assert stated.tokenizer.vocab_sizes == vocabularies
    assert parse(tomllib.loads(resolved_text(stated)), where="again", catalogue=CATALOGUE) == stated


@pytest.mark.parametrize(
    ("file", "files"), [('"a.model"', ("a.model",)), ('["a.model", "b"]', ("a.model", "b"))]
)
def test_one_existing_model_or_two(file: str, files: tuple[str, ...]) -> None:
    stated = recipe("translation", f"tokenizer.file={file}")
    assert isinstance(stated.tokenizer, TokenizerFileConfig)
    assert stated.tokenizer.files == files
    assert stated.tokenizer.joint == (len(files) == 1)
    assert parse(tomllib.loads(resolved_text(stated)), where="again", catalogue=CATALOGUE) == stated


def test_only_the_text_of_a_translator_has_joint() -> None:
    assert tomllib.loads(resolved_text(recipe("translation")))["tokenizer"]["joint"] is True
    assert "joint" not in tomllib.loads(resolved_text(recipe("language-model")))["tokenizer"]


@pytest.mark.parametrize("separate", [SEPARATE, 'tokenizer.file=["a.model", "b.model"]'])
def test_separate_vocabularies_cannot_share_three_tables(separate: str) -> None:
    (found,) = mistakes("translation", separate, "model.tie_embeddings=three-way")
    assert (found.key, found.problem) == ("model.tie_embeddings", THREE_WAY)
    assert '"two-way", as true is here' in str(found.suggestion)
    for tied in ("two-way", "true", "false"):
        recipe("translation", separate, f"model.tie_embeddings={tied}")
    recipe("translation", "model.tie_embeddings=three-way")
    recipe("translation", "tokenizer.file=a.model", "model.tie_embeddings=three-way")


@pytest.mark.parametrize("joint", ["", "tokenizer.joint=true"])
def test_two_sizes_need_two_models(joint: str) -> None:
    overrides = [*filter(None, [joint]), "tokenizer.vocab_size=[500, 400]"]
    (found,) = mistakes("translation", *overrides)
    assert found.key == "tokenizer.vocab_size"
    assert "two numbers cannot take effect" in found.problem
    assert "tokenizer.joint = false" in str(found.suggestion)


@pytest.mark.parametrize(
    ("overrides", "key", "problem"),
    [
        ([SEPARATE], "tokenizer.joint", "cannot take effect in a"),
        (["tokenizer.vocab_size=[500, 400]"], "tokenizer.vocab_size", "must be one"),
        (['tokenizer.file=["a.model", "b.model"]'], "tokenizer.file", "must be one"),
    ],
)
@pytest.mark.parametrize("task", [[], PROMPTS])
def test_a_language_model_has_one_vocabulary(
    task: list[str], overrides: list[str], key: str, problem: str
) -> None:
    (found,) = mistakes("language-model", *task, *overrides)
    assert found.key == key
    assert found.problem.startswith(problem)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            'tokenizer={file="a.model", joint=true}',
            Mistake("tokenizer.joint", "cannot take effect beside the other keys of its table"),
        ),
        (
            "tokenizer.vocab_size=0",
            Mistake("tokenizer.vocab_size", "must be greater than 0, was: 0"),
        ),
        (
            "tokenizer={joint=false, vocab_size=[500, 0]}",
            Mistake("tokenizer.vocab_size", "must be greater than 0, was: 0"),
        ),
        (
            "tokenizer={joint=false, vocab_size=[500]}",
            Mistake("tokenizer.vocab_size.1", "missing"),
        ),
        ("tokenizer.file=3", Mistake("tokenizer.file", "must be a valid string, was: 3")),
        (
            'tokenizer.file=["a.model", 3]',
            Mistake("tokenizer.file", "must be a valid string, was: 3"),
        ),
        (
            "tokenizer.joint=no",
            Mistake("tokenizer.joint", "must be a valid boolean, was: no"),
        ),
    ],
)
def test_a_mistake_is_reported_once(override: str, expected: Mistake) -> None:
    assert mistakes("translation", override) == [expected]


@pytest.mark.parametrize(
    ("override", "key", "problem"),
    [
        ('tokenizer.keep=["ok", ""]', "tokenizer.keep", "'': it is empty"),
        ("tokenizer.keep=[' x']", "tokenizer.keep", "begins or ends with white space"),
        ('tokenizer.keep=["<s>"]', "tokenizer.keep", "name of a special piece"),
        ("tokenizer.keep_patterns=['(']", "tokenizer.keep_patterns", "not a regular expression"),
        ("tokenizer.keep_patterns=['x*']", "tokenizer.keep_patterns", "matches an empty text"),
        ('tokenizer={model_type="word", keep=["x"]}', "tokenizer", "words splits at white space"),
        ("tokenizer={model_type='word', keep_patterns=['x']}", "tokenizer", "at white space"),
        (
            'tokenizer={normalization="nfkc", keep=["a b"]}',
            "tokenizer",
            'needs normalization = "identity"',
        ),
        (
            'tokenizer={file="a.model", keep=["x"]}',
            "tokenizer.keep",
            "cannot take effect beside the other keys",
        ),
        ("data.placeholders=1.5", "data.placeholders", "less than or equal to 1"),
    ],
)
def test_symbols_that_cannot_be_kept(override: str, key: str, problem: str) -> None:
    [found] = mistakes("translation", override)
    assert found.key == key
    assert problem in found.problem


def test_symbols_survive_the_resolved_recipe() -> None:
    keep, patterns = ("{0}", '<a href="x">', "\\d", "'"), (r"\{\d+\}", "</?\\w+>")
    first = recipe("translation")
    assert isinstance(first.tokenizer, TrainedTokenizerConfig)
    changed = first.tokenizer.model_copy(update={"keep": keep, "keep_patterns": patterns})
    text = first.model_copy(update={"tokenizer": changed}).text()
    again = parse(tomllib.loads(text), where="recipe")
    assert isinstance(again.tokenizer, TrainedTokenizerConfig)
    assert (again.tokenizer.keep, again.tokenizer.keep_patterns) == (keep, patterns)


def test_placeholders_are_for_translation_and_for_pieces() -> None:
    [found] = mistakes("language-model", "data.placeholders=0.5")
    assert found.problem.startswith("cannot take effect in a language-model recipe")
    [found] = mistakes("translation", "data.placeholders=0.5", "tokenizer.model_type=word")
    assert found.key == "data.placeholders"
