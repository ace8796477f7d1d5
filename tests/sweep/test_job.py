"""Runs of a sweep: finished, stopped, changed, failed."""

from __future__ import annotations

import json
import math
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seqlstm.errors import DataError, RecipeError, TrainingError, UserError
from seqlstm.recipe.evaluate import Evaluation
from seqlstm.recipe.read import resolved_text
from seqlstm.recipe.train import start
from seqlstm.run.folder import RunFolder
from seqlstm.runtime.signals import StopRequest
from seqlstm.sweep.job import Outcome, read_result, run_job
from seqlstm.sweep.plan import Job, SweepPlan
from seqlstm.sweep.report import write_report
from seqlstm.sweep.statistics import compare
from seqlstm.sweep.workers import in_worker, run_all
from seqlstm.training.loop import TrainingLoop
from tests.sweep.conftest import CELLS, SWEEP, Read


def outcomes(jobs: list[Job]) -> list[Outcome]:
    return [*run_all(jobs, at_once=1, stop=StopRequest())]


def values(plan: SweepPlan) -> dict[tuple[str, int], Any]:
    found = {(job.combination, job.seed): read_result(job) for job in plan.jobs()}
    return {key: result and result.values for key, result in found.items()}


def stopping_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> StopRequest:
    """A stop request that is set after this number of steps."""
    request, step = StopRequest(), TrainingLoop.step
    left = iter(range(steps - 1, -1, -1))

    def stepped(self: TrainingLoop, batches: Iterator[Any]) -> dict[str, float]:
        losses = step(self, batches)
        if next(left) == 0:
            request.signal = "SIGINT"
        return losses

    monkeypatch.setattr(TrainingLoop, "step", stepped)
    return request


def test_a_finished_run_is_a_run_folder_with_a_result(read: Read) -> None:
    job = read().jobs()[1]
    (outcome,) = outcomes([job])
    folder = RunFolder.open(job.folder)
    assert folder.recipe.read_text() == resolved_text(job.recipe)
    assert outcome.result == read_result(job)
    assert outcome.result is not None
    assert outcome.result.steps == 3
    weights = folder.read_weights("last")
    assert outcome.result.parameters == sum(one.numel() for one in weights.values())
    assert {"bits_per_byte", "nats_per_token", "signature"} <= outcome.result.values.keys()


def test_a_stopped_run_continues_to_the_same_score(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read()
    outcomes(plan.jobs())
    whole = values(plan)
    shutil.rmtree(plan.folder)
    with monkeypatch.context() as patched:
        stop = stopping_after(patched, 5)  # in the second step of the second run
        stopped = [*run_all(plan.jobs(), at_once=1, stop=stop)]
    assert [bool(one.result) for one in stopped] == [True, False, False, False]
    assert [job.folder.exists() for job in plan.jobs()] == [True, True, False, False]
    assert RunFolder(plan.jobs()[1].folder).read_checkpoint()["progress"]["step"] == 2
    outcomes([job for job in read().jobs() if not read_result(job)])
    assert values(plan) == whole


def test_a_trained_run_without_a_result_is_scored(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = read().jobs()[0]
    (first,) = outcomes([job])
    (job.folder / "result.json").unlink()
    monkeypatch.setattr(TrainingLoop, "step", None)
    (again,) = outcomes([job])
    assert again.result == first.result


def test_another_split_is_scored_without_training(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = outcomes(read().jobs()[:1])
    job = read(sweep=SWEEP.replace('"validation"', '"test"')).jobs()[0]
    assert read_result(job) is None
    monkeypatch.setattr(TrainingLoop, "step", None)
    (again,) = outcomes([job])
    assert again.result is not None
    assert first.result is not None
    assert again.result.split == "test"
    assert again.result.values != first.result.values


def test_a_changed_sweep_is_an_error_that_lists_the_keys(read: Read) -> None:
    plan = read()
    outcomes(plan.jobs()[:2])
    with pytest.raises(RecipeError, match="holds runs of another sweep") as caught:
        read(CELLS, "training.steps=4", "model.embedding_dim=7")
    keys = {mistake.key: str(mistake) for mistake in caught.value.mistakes}
    assert set(keys) == {"training.steps", "model.embedding_dim"}
    assert "the run has 3, the sweep 4" in keys["training.steps"]
    assert f"{plan.jobs()[0].folder} and 1 more" in keys["training.steps"]


def test_a_sweep_may_change_its_threads(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        stop = stopping_after(patched, 2)
        assert run_job(read().jobs()[0], threads=1, stop=stop).result is None
    job = read(CELLS, "threads=0").jobs()[0]
    assert run_job(job, threads=1, stop=StopRequest()).result is not None


def test_a_diverged_run_fails_alone(read: Read) -> None:
    wild = CELLS.replace(
        'set = { model = { cell = { kind = "elman" } } }',
        'set = { training = { optimizer = { kind = "sgd", learning_rate = 1e38 }, '
        "max_grad_norm = 1e38 } }",
    )
    found = outcomes(read(wild).jobs()[:2])
    assert "not finite" in str(found[0].failure)
    assert found[0].result is None
    assert found[1].result is not None


def test_warnings_come_with_the_outcome(read: Read, tmp_path: Path) -> None:
    plan = read(CELLS, "data.unit=document")
    text = (tmp_path / "train.en").read_text().splitlines()
    (tmp_path / "test.en").write_text(f"{text[0]}\n")
    (outcome,) = outcomes(plan.jobs()[:1])
    assert outcome.warnings == ["1 training row also stands in test"]


def test_rows_left_out_of_the_scored_split_are_in_the_result(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read()
    note = 'test.csv: 1 of 5 rows left out: no text in column "text" (row 5)'
    values = {"bits_per_byte": 1.0}
    evaluated = Evaluation(values, notes=(note,))
    monkeypatch.setattr("seqlstm.sweep.job.evaluate", lambda *_, **__: evaluated)
    for outcome in outcomes(plan.jobs()):
        assert outcome.result == read_result(outcome.job)
        assert outcome.result is not None
        assert outcome.result.notes == [note]
    table, *_ = write_report(plan, compare(plan))
    assert table.read_text().endswith(f".\n\n- {note}\n")


def test_a_result_of_an_earlier_version_has_no_notes(read: Read) -> None:
    job = read().jobs()[0]
    (outcome,) = outcomes([job])
    file = job.folder / "result.json"
    contents = json.loads(file.read_text())
    assert contents.pop("notes") == []
    file.write_text(json.dumps(contents))
    assert read_result(job) == outcome.result


def test_a_mistake_of_all_runs_is_an_error(read: Read, tmp_path: Path) -> None:
    plan = read()
    (tmp_path / "train.en").unlink()
    with pytest.raises(DataError, match=r"train\.en"):
        outcomes(plan.jobs())
    with pytest.raises(UserError, match=r"train\.en") as caught:
        in_worker(plan.jobs()[0], 1)
    arrived = pickle.loads(pickle.dumps(caught.value))  # as on the way between processes
    assert (arrived.title, arrived.message) == ("Data", caught.value.message)


def test_a_full_disk_is_an_error(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise TrainingError("no space left")

    monkeypatch.setattr(RunFolder, "save_checkpoint", full)
    with pytest.raises(TrainingError, match="no space left"):
        outcomes(read().jobs()[:1])


def test_a_score_that_is_not_finite_is_null(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"bits_per_byte": math.nan, "perplexity_per_word": math.inf, "words": 3}
    monkeypatch.setattr("seqlstm.sweep.job.evaluate", lambda *_, **__: Evaluation(values))
    job = read().jobs()[0]
    (outcome,) = outcomes([job])
    assert outcome.result is not None
    assert math.isnan(outcome.result.score("bits_per_byte"))
    assert '"bits_per_byte": null,\n    "perplexity_per_word": null' in (
        (job.folder / "result.json").read_text()
    )
    assert read_result(job) == outcome.result


def test_overwriting_a_run_removes_its_result(read: Read) -> None:
    job = read().jobs()[0]
    outcomes([job])
    start(job.recipe, job.folder, overwrite=True)
    assert read_result(job) is None
