"""Runs of translators with a vocabulary for each side."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seqlstm.errors import ArgumentError, RecipeError, RunError, TokenizerError
from seqlstm.recipe.corpus import read_corpus
from seqlstm.recipe.preview import preview
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.recipe.train import resume, start
from seqlstm.run.folder import RunFolder
from seqlstm.sweep.plan import vocabularies_of
from seqlstm.training.weights import weights_of
from tests.recipe.alphabets import (
    APART,
    SHORT,
    SIZES,
    joint_of,
    recipe_of,
    trained,
    translator_of,
    write_alphabets,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_alphabets(tmp_path_factory.mktemp("alphabets"))


@pytest.fixture(scope="module")
def run(file: Path) -> RunFolder:
    return trained(recipe_of(file), file.parent / "run")


# The folder and the model.


def test_each_side_has_a_tokenizer_of_its_letters(run: RunFolder) -> None:
    names = {path.name for path in run.path.iterdir()}
    assert {"source.model", "target.model"} < names
    assert "tokenizer.model" not in names
    tokenizers = run.read_tokenizers()
    assert tokenizers.vocab_sizes == SIZES
    assert not tokenizers.is_joint
    source, target = ("".join(one.pieces(range(261, 290))) for one in tokenizers.by_name.values())
    assert not set("αεδ") & set(source)
    assert not set("aed") & set(target)
    card = run.read_card()
    assert card.tokenizer == tokenizers.fingerprint
    assert "source: unigram, 305 pieces" in card.data.notes
    assert "target: unigram, 295 pieces" in card.data.notes


@pytest.mark.parametrize(("tied", "tables"), [("true", 2), ("two-way", 2), ("false", 3)])
def test_shared_tables(file: Path, tmp_path: Path, tied: str, tables: int) -> None:
    loaded = translator_of(
        trained(recipe_of(file, f"model.tie_embeddings={tied}"), tmp_path / "run")
    )
    model = loaded.model
    used = [model.source.table.weight, model.target.table.weight, model.output_layer.weight]
    assert [len(table) for table in used] == [305, 295, 295]
    assert len({id(table) for table in used}) == tables
    assert (used[1] is used[2]) == (tables == 2)


def test_a_preview_counts_the_pieces_of_each_side(file: Path) -> None:
    found = preview(str(file), [*SHORT, *APART])
    corpora = read_corpus(recipe_of(file))
    targets = corpora.tokenizers.target.encode_batch([line for _, line in corpora.train.pairs])
    assert found.tokens == sum(len(ids) + 1 for ids in targets)
    assert (found.parameters["source"], found.parameters["target"]) == (305 * 24, 295 * 24)


def test_a_budget_counts_both_vocabularies(file: Path, run: RunFolder, tmp_path: Path) -> None:
    assert vocabularies_of(recipe_of(file), [tmp_path, run.path]) == SIZES
    assert vocabularies_of(recipe_of(file, "tokenizer.vocab_size=300"), [tmp_path]) == (300, 300)


def test_an_error_names_the_side_of_a_vocabulary_too_large(file: Path, tmp_path: Path) -> None:
    for size, side in ((f"[300, {10**5}]", "target"), (f"[{10**5}, 300]", "source")):
        with pytest.raises(TokenizerError, match=f"^{side}: a vocabulary of 100000 is too large"):
            start(recipe_of(file, f"tokenizer.vocab_size={size}"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_segmentations_of_both_sides_differ_between_epochs(file: Path) -> None:
    recipe = recipe_of(file, "tokenizer.subword_regularization=0.2")
    corpora = read_corpus(recipe)
    batches = TASKS[recipe.task].make_batches(recipe, corpora)
    for side, name in enumerate(("source", "inputs")):
        tokenizer = list(corpora.tokenizers.by_name.values())[side]
        segmented = [
            {
                tuple(id for id in row if id != tokenizer.pad)
                for batch in batches.of_epoch(epoch, 0)
                for row in getattr(batch, name).tolist()
            }
            for epoch in (0, 1)
        ]
        assert len(segmented[0] & segmented[1]) < len(segmented[0]) / 2
        for rows in segmented:
            assert set(tokenizer.decode_batch(rows)) == {pair[side] for pair in corpora.train.pairs}


# Resuming, and starting from another run.


def test_a_resumed_run_equals_one_that_was_not_stopped(file: Path, tmp_path: Path) -> None:
    sampled = (
        "tokenizer.subword_regularization=0.2",
        "training.averaging={kind='exponential', decay=0.9}",
    )
    whole = trained(recipe_of(file, *sampled), tmp_path / "whole")
    trained(recipe_of(file, *sampled, "training.steps=2"), tmp_path / "stopped")
    list(resume(recipe_of(file, *sampled), tmp_path / "stopped").run())
    for name in ("best", "last"):
        stopped = RunFolder.open(tmp_path / "stopped").read_weights(name)
        expected = whole.read_weights(name)  # in the file, each also names its own run
        assert stopped.keys() == expected.keys()
        assert all(torch.equal(stopped[key], expected[key]) for key in expected)


def test_a_run_killed_between_its_two_tokenizers_writes_them_again(
    file: Path, tmp_path: Path
) -> None:
    prepared = start(recipe_of(file), tmp_path / "run")
    (source, target), expected = prepared.folder.sides, prepared.folder.read_tokenizers()
    target.unlink()
    with pytest.raises(TokenizerError, match=r"target\.model: cannot be read"):
        prepared.folder.read_tokenizers()
    prepared.lock.release()
    list(resume(recipe_of(file), tmp_path / "run").run())
    assert source.read_bytes() == expected.source.model
    assert target.read_bytes() == expected.target.model


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("tokenizer.joint=true", "tokenizer.joint"),
        ("tokenizer.vocab_size=[305, 296]", "tokenizer.vocab_size"),
        ("tokenizer.subword_regularization=0.1", "tokenizer.subword_regularization"),
    ],
)
def test_a_run_is_not_resumed_with_other_tokenizers(
    file: Path, run: RunFolder, override: str, key: str
) -> None:
    size = ["tokenizer.vocab_size=300"] if "joint" in override else []
    with pytest.raises(RecipeError, match="cannot be resumed") as caught:
        resume(recipe_of(file, "training.steps=6", *size, override), run.path)
    assert key in [mistake.key for mistake in caught.value.mistakes]


@pytest.mark.parametrize("separate", [False, True])
def test_a_changed_tokenizer_is_an_error(
    file: Path, run: RunFolder, tmp_path: Path, separate: bool
) -> None:
    recipe = recipe_of(file) if separate else joint_of(file)
    folder = trained(recipe, tmp_path / "run")
    changed = folder.sides[1] if separate else folder.tokenizer
    before = changed.read_bytes()
    changed.write_bytes(run.sides[0].read_bytes())
    with pytest.raises(RunError, match="the tokenizer has changed since this run began"):
        resume(read_recipe(str(folder.recipe), ["training.steps=6"]), folder.path)
    changed.write_bytes(before)
    resume(read_recipe(str(folder.recipe), ["training.steps=6"]), folder.path)


def test_a_run_starts_from_the_tokenizers_of_another(
    file: Path, run: RunFolder, tmp_path: Path
) -> None:
    second = start(recipe_of(file, "seed=2"), tmp_path / "second", origin=run.path)
    for one, other in zip(second.folder.sides, run.sides, strict=True):
        assert one.read_bytes() == other.read_bytes()
    expected, weights = run.read_weights(), weights_of(second.loop.model)
    assert expected.keys() == weights.keys()
    assert all(torch.equal(expected[name], weights[name]) for name in expected)


def test_joint_and_separate_tokenizers_cannot_replace_each_other(
    file: Path, run: RunFolder, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match="has a tokenizer of each side, and the recipe asks"):
        start(joint_of(file), tmp_path / "second", origin=run.path)
    joint = trained(joint_of(file), tmp_path / "joint")
    with pytest.raises(ArgumentError, match="has one tokenizer of both sides") as caught:
        start(recipe_of(file), tmp_path / "second", origin=joint.path)
    assert str(joint.recipe) in str(caught.value.hint)
    assert not (tmp_path / "second").exists()


def test_existing_models(file: Path, run: RunFolder, tmp_path: Path) -> None:
    files = [path.as_posix() for path in run.sides]
    ready = f"tokenizer={{file={files}, subword_regularization=0.1}}"
    folder = trained(joint_of(file, ready), tmp_path / "run")
    assert folder.read_tokenizers().fingerprint == run.read_tokenizers().fingerprint
    same = f"tokenizer={{file={[files[0], files[0]]}}}"
    twice = trained(joint_of(file, same), tmp_path / "twice").read_tokenizers()
    assert not twice.is_joint
    assert twice.vocab_sizes == (305, 305)
    spelling = trained(joint_of(file, "tokenizer.model_type=char"), tmp_path / "char").tokenizer
    mixed = f"tokenizer={{file={[files[0], spelling.as_posix()]}, subword_regularization=0.1}}"
    with pytest.raises(TokenizerError, match=r"tokenizer\.model is of type char, which cannot"):
        start(joint_of(file, mixed), tmp_path / "other")
