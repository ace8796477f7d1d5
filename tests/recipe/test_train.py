"""Start and resume of runs: warnings, checks, and starting from another run."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import torch

from seqlstm.config import Recipe
from seqlstm.data.batching.base import Batches
from seqlstm.data.batching.buckets import BucketBatches
from seqlstm.errors import ArgumentError, DataError, RecipeError, RunError, TokenizerError
from seqlstm.recipe.changes import check_same
from seqlstm.recipe.evaluate import evaluate
from seqlstm.recipe.preview import preview
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.train import resume, start
from seqlstm.run.folder import RunFolder
from seqlstm.training.weights import weights_of
from tests.runs import LANGUAGE_MODEL, TRANSLATOR, pairs_of, write_lines, write_recipe, write_table

FEW = ("training.steps=2", "training.validate_every=")


@pytest.fixture(params=[TRANSLATOR, LANGUAGE_MODEL], ids=["translator", "language model"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_recipe(tmp_path, request.param)


@pytest.fixture
def translator(tmp_path: Path) -> Path:
    return write_recipe(tmp_path, TRANSLATOR)


def recipe_of(file: Path, *overrides: str) -> Recipe:
    return read_recipe(str(file), [*FEW, *overrides])


def trained(file: Path, run: Path, *overrides: str) -> RunFolder:
    list(start(recipe_of(file, *overrides), run).run())
    return RunFolder.open(run)


def pieces_of(batches: Batches, *, epoch: int) -> list[tuple[int, ...]]:
    """All targets of an epoch without padding, which is 0; rows of pairs are sorted."""
    targets = [batch.targets.tolist() for batch in batches.of_epoch(epoch, 0)]
    rows = [tuple(filter(None, row)) for batch in targets for row in batch]
    return sorted(rows) if isinstance(batches, BucketBatches) else rows


def test_batch_lengths_are_random_with_bptt_std(tmp_path: Path) -> None:
    file = write_recipe(tmp_path, LANGUAGE_MODEL)
    lengths = []
    for bptt_std in (0, 4):
        batches = start(
            recipe_of(file, f"data.batching.bptt_std={bptt_std}"), tmp_path / f"{bptt_std}"
        )
        epoch = islice(batches.loop.batches, 8)
        lengths.append({batch.inputs.shape[1] for batch in epoch})
    assert lengths[0] == {16}
    assert len(lengths[1]) > 2


class TestOrigin:
    def test_a_run_starts_from_anothers_weights_and_tokenizer(
        self, file: Path, tmp_path: Path
    ) -> None:
        first = trained(file, tmp_path / "first")
        changed = recipe_of(file, "seed=2", "training.optimizer.learning_rate=1e-4")
        second = start(changed, tmp_path / "second", origin=tmp_path / "first")
        expected, weights = first.read_weights(), weights_of(second.loop.model)
        assert expected.keys() == weights.keys()
        assert all(torch.equal(expected[name], weights[name]) for name in expected)
        assert second.folder.tokenizer.read_bytes() == first.tokenizer.read_bytes()
        assert second.loop.progress.step == 0

    def test_its_weights_must_fit(self, file: Path, tmp_path: Path) -> None:
        trained(file, tmp_path / "first")
        larger = recipe_of(file, "model.hidden_size=40")
        with pytest.raises(RunError, match="those of another model"):
            start(larger, tmp_path / "second", origin=tmp_path / "first")

    def test_it_is_not_the_run_itself(self, file: Path, tmp_path: Path) -> None:
        before = trained(file, tmp_path / "run").read_weights("last")
        with pytest.raises(ArgumentError, match="cannot start from itself"):
            start(recipe_of(file), tmp_path / "run", overwrite=True, origin=tmp_path / "run")
        assert RunFolder.open(tmp_path / "run").read_weights("last").keys() == before.keys()

    def test_it_must_be_a_run(self, file: Path, tmp_path: Path) -> None:
        with pytest.raises(RunError, match="is no run folder"):
            start(recipe_of(file), tmp_path / "second", origin=tmp_path / "nowhere")


class TestResume:
    def test_a_recipe_is_the_same_but_for_its_end(self, file: Path) -> None:
        later = ("training.steps=9", "training.epochs=3", "training.save_every=1")
        check_same(recipe_of(file), recipe_of(file, *later), Path("runs/x"))

    def test_every_key_that_differs_is_named(self, file: Path) -> None:
        other = recipe_of(
            file, "model.hidden_size=40", "seed=7", "training.optimizer.learning_rate=1.0"
        )
        with pytest.raises(RecipeError, match="runs/x cannot be resumed") as caught:
            check_same(recipe_of(file), other, Path("runs/x"))
        keys = [mistake.key for mistake in caught.value.mistakes]
        assert keys == ["model.hidden_size", "seed", "training.optimizer.learning_rate"]
        assert "model.hidden_size: the run has 32, the recipe 40" in str(caught.value)

    def test_a_run_that_has_ended_is_resumed_only_with_a_later_end(
        self, file: Path, tmp_path: Path
    ) -> None:
        trained(file, tmp_path / "run")
        with pytest.raises(RunError, match="has ended at step 2: as planned"):
            resume(recipe_of(file), tmp_path / "run")
        longer = resume(recipe_of(file, "training.steps=5"), tmp_path / "run")
        assert [report.step for report in longer.run() if report.kind == "step"] == [3, 4, 5]
        assert "steps = 5" in longer.folder.recipe.read_text()

    def test_before_the_first_checkpoint_it_begins_again(self, file: Path, tmp_path: Path) -> None:
        before = trained(file, tmp_path / "whole").read_weights("last")
        killed = start(recipe_of(file), tmp_path / "run").run()
        assert next(killed).step == 1
        killed.close()  # type: ignore[attr-defined]
        again = resume(recipe_of(file), tmp_path / "run")
        assert any("begins again at step 0" in line for line in again.warnings)
        list(again.run())
        after = again.folder.read_weights("last")
        assert all(torch.equal(before[name], after[name]) for name in before)

    def test_a_checkpoint_that_is_gone_is_an_error(self, file: Path, tmp_path: Path) -> None:
        folder = trained(file, tmp_path / "run")
        folder.checkpoint.unlink()
        before = folder.read_weights("last")
        with pytest.raises(RunError, match=r"checkpoint\.pt is missing, and this run has saved"):
            resume(recipe_of(file, "training.steps=5"), tmp_path / "run")
        assert all(torch.equal(before[name], folder.read_weights("last")[name]) for name in before)

    def test_what_it_started_from_is_remembered(self, file: Path, tmp_path: Path) -> None:
        trained(file, tmp_path / "first")
        again = recipe_of(file, "seed=2")
        expected = weights_of(start(again, tmp_path / "run", origin=tmp_path / "first").loop.model)
        # No step was trained: to go on is to begin again, from the same weights.
        found = weights_of(resume(again, tmp_path / "run").loop.model)
        assert all(torch.equal(expected[name], found[name]) for name in expected)

    def test_and_may_be_gone_once_there_is_a_checkpoint(self, file: Path, tmp_path: Path) -> None:
        first = trained(file, tmp_path / "first")
        again = recipe_of(file, "seed=2")
        list(start(again, tmp_path / "run", origin=first.path).run())
        first.path.rename(tmp_path / "elsewhere")
        longer = resume(recipe_of(file, "seed=2", "training.steps=4"), tmp_path / "run")
        assert [report.step for report in longer.run() if report.kind == "step"] == [3, 4]

    def test_data_that_have_changed_are_refused(self, file: Path, tmp_path: Path) -> None:
        trained(file, tmp_path / "run")
        lines = [line for line, _ in pairs_of("train")]
        write_lines(tmp_path / "train.en", [f"{lines[0]} Indeed.", *lines[1:]])
        with pytest.raises(DataError, match="the data have changed since this run began"):
            resume(recipe_of(file, "training.steps=5"), tmp_path / "run")

    def test_a_checkpoint_of_another_run_is_refused(self, file: Path, tmp_path: Path) -> None:
        folder = trained(file, tmp_path / "run")
        other = trained(file, tmp_path / "other", "model.hidden_size=40")
        folder.checkpoint.write_bytes(other.checkpoint.read_bytes())
        with pytest.raises(RunError, match=r"checkpoint\.pt belongs to another run"):
            resume(recipe_of(file, "training.steps=5"), tmp_path / "run")


class TestData:
    def test_training_rows_that_are_held_out_are_counted(self, translator: Path) -> None:
        for language, side in (("en", 0), ("de", 1)):
            lines = [pair[side] for pair in pairs_of("train")[:2] + pairs_of("validation")]
            write_lines(translator.parent / f"validation.{language}", lines)
            lines = [pair[side] for pair in pairs_of("test") + pairs_of("train")[7:8]]
            write_lines(translator.parent / f"test.{language}", lines)
        prepared = start(
            recipe_of(translator, "training.validate_every=1"), translator.parent / "r"
        )
        assert prepared.warnings == [
            "2 training rows also stand in validation",
            "1 training row also stands in test",
        ]
        assert prepared.folder.read_card().data.warnings == prepared.warnings

    def test_none_are_not_mentioned(self, file: Path, tmp_path: Path) -> None:
        assert start(recipe_of(file), tmp_path / "run").warnings == []

    def test_what_is_left_out_is_reported(self, translator: Path) -> None:
        english = [line for line, _ in pairs_of("train")]
        write_lines(translator.parent / "train.en", ["", "word " * 61, *english[2:]])
        prepared = start(recipe_of(translator), translator.parent / "run")
        assert "kept 198 of 200 pairs (1 empty, 1 too long)" in prepared.notes[0]

    def test_what_reading_decides_is_reported_once(self, translator: Path) -> None:
        pairs = pairs_of("train")
        table = translator.parent / "rows.tsv"
        write_lines(table, ["", *(f"{english}\t{german}" for english, german in pairs)])
        sliced = (
            f"data.source={table}",
            "data.splits.train=train[:180]",
            "data.splits.validation=train[180:]",
            "training.validate_every=1",
        )
        prepared = start(recipe_of(translator, *sliced), translator.parent / "run")
        assert prepared.notes[:3] == [
            f"{table} train[:180]: kept 180 of 180 pairs",
            'rows.tsv has no header: column 1 as "en" and column 2 as "de"; '
            f"its first row is text: {pairs[0][0][:40]} | {pairs[0][1][:40]}",
            "train[180:]: 20 rows",
        ]

    def test_rows_without_text_are_reported_for_each_split(self, translator: Path) -> None:
        for split in ("train", "validation"):
            rows = [*pairs_of(split), ("x", None)]
            write_table(translator.parent / f"{split}.jsonl", ("en", "de"), rows)
        files = ", ".join(
            f'{split} = "{translator.parent}/{split}.jsonl"' for split in ("train", "validation")
        )
        overrides = (f"data.source={{{files}}}", "training.validate_every=1")
        prepared = start(recipe_of(translator, *overrides), translator.parent / "run")
        for split, rows in (("train", 201), ("validation", 21)):
            assert (
                f'{split}.jsonl: 1 of {rows} rows left out: no text in column "de" (row {rows})'
                in prepared.notes
            )

    def test_nothing_left_is_an_error(self, translator: Path) -> None:
        with pytest.raises(DataError, match=r"kept 0 of 200 pairs \(200 too long\)"):
            start(recipe_of(translator, "data.max_length=1"), translator.parent / "run")

    def test_a_text_too_short_for_its_rows(self, tmp_path: Path) -> None:
        file = write_recipe(tmp_path, LANGUAGE_MODEL)
        with pytest.raises(DataError, match="tokens do not fill 100000 rows"):
            start(recipe_of(file, "data.batching.batch_size=100000"), tmp_path / "run")

    @pytest.mark.parametrize("kind", ["unigram", "bpe"])
    def test_segmentations_differ_between_epochs(
        self, file: Path, tmp_path: Path, kind: str
    ) -> None:
        plain, sampled = (
            start(
                recipe_of(
                    file,
                    f"tokenizer.model_type={kind}",
                    f"tokenizer.subword_regularization={share}",
                ),
                tmp_path / share,
            ).loop.batches
            for share in ("0.0", "0.1")
        )
        assert pieces_of(plain, epoch=0) == pieces_of(plain, epoch=1)
        epochs = [pieces_of(sampled, epoch=epoch) for epoch in (0, 1)]
        assert epochs[0] != epochs[1]
        assert pieces_of(plain, epoch=0) not in epochs
        assert pieces_of(sampled, epoch=0) == epochs[0]

    def test_a_tokenizer_without_segmentations_cannot_be_sampled(
        self, file: Path, tmp_path: Path
    ) -> None:
        run = trained(file, tmp_path / "run", "tokenizer.model_type=char")
        ready = f'tokenizer={{file="{run.tokenizer.as_posix()}", subword_regularization=0.1}}'
        with pytest.raises(TokenizerError, match="of type char, which cannot be sampled"):
            start(recipe_of(file, ready), tmp_path / "other")


def test_a_preview_writes_nothing_and_agrees_with_training(file: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    found = preview(str(file), FEW)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    prepared = start(recipe_of(file), tmp_path / "run")
    assert found.text == prepared.folder.recipe.read_text()
    parameters = sum(parameter.numel() for parameter in prepared.loop.model.parameters())
    assert sum(found.parameters.values()) == parameters
    assert found.data == prepared.notes[0]
    batch = next(iter(prepared.loop.batches))
    assert 0 < batch.tokens < found.tokens


def test_an_evaluation_agrees_with_the_validation_of_the_run(tmp_path: Path) -> None:
    file = write_recipe(tmp_path, LANGUAGE_MODEL)
    # One stream in both, so that they read the same text from the same states.
    overrides = ("data.batching.batch_size=1", "training.validate_every=2")
    (validation,) = [
        line
        for line in trained(file, tmp_path / "run", *overrides).read_log().reports
        if line["kind"] == "validation"
    ]
    found = evaluate(tmp_path / "run", split="validation", device="cpu").values
    assert found["nats_per_token"] == pytest.approx(validation["values"]["loss"], rel=1e-4)
    assert found["bits_per_byte"] == pytest.approx(validation["values"]["bits_per_byte"], rel=1e-4)
