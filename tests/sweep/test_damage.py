"""Damaged results and cards in a sweep's folder: a message, or success; no traceback."""

from __future__ import annotations

import json
from dataclasses import asdict
from random import Random
from typing import Any

import pytest

from seqlstm.errors import RunError, UserError
from seqlstm.run.card import CardData, make_card
from seqlstm.run.folder import RunFolder
from seqlstm.sweep.job import Result, read_result, result_file, speed
from seqlstm.sweep.plan import SweepPlan
from seqlstm.sweep.report import as_object, markdown
from seqlstm.sweep.statistics import compare
from tests.run.mutations import mutated
from tests.sweep.conftest import Read

RESULT = Result(
    split="validation",
    weights="last",
    streams=1,
    values={"bits_per_byte": 2.5, "signature": "lm|x", "documents": [{"nats": 1.0}], "none": None},
    parameters=100,
    steps=3,
    seconds=1.5,
    tokens_per_second=1000.0,
)


@pytest.fixture
def plan(read: Read) -> SweepPlan:
    """A sweep with all results."""
    plan = read()
    card = make_card(
        data=CardData(fingerprints={}, notes=["precision: float32 on cpu (x)"], warnings=[]),
        tokenizer="x",
        run="x",
        recipe=("x",),
    )
    for job in plan.jobs():
        job.folder.mkdir(parents=True)
        result_file(job).write_text(json.dumps(asdict(RESULT)))
        RunFolder(job.folder).write_card(card)
    return plan


def test_mutated_results_and_cards(plan: SweepPlan) -> None:
    random, refused, reported = Random(4), 0, 0
    files = [result_file(plan.jobs()[0]), RunFolder(plan.jobs()[1].folder).card]
    whole = [file.read_bytes() for file in files]
    for case in range(400):
        files[case % 2].write_bytes(mutated(whole[case % 2], random))
        try:
            rows = compare(plan)
            markdown(plan, rows)
            json.dumps(as_object(plan, rows, []))
            reported += 1
        except UserError:
            refused += 1
        files[case % 2].write_bytes(whole[case % 2])
    assert refused > 100
    assert reported > 40


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": "3"}, "steps: Input should be a valid integer"),
        ({"values": []}, "values: "),
        ({"seconds": None}, "seconds: "),
        ({"values": {"signature": "x"}}, "it has no number bits_per_byte"),
        ({"values": {"bits_per_byte": "x"}}, "it has no number bits_per_byte"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(plan: SweepPlan, change: dict[str, Any], message: str) -> None:
    job = plan.jobs()[0]
    result_file(job).write_text(json.dumps(asdict(RESULT) | change))
    with pytest.raises(RunError, match="damaged") as caught:
        compare(plan)
    assert message in str(caught.value)
    assert "the run itself is not lost" in str(caught.value)


def test_a_result_that_is_not_utf8(plan: SweepPlan) -> None:
    result_file(plan.jobs()[0]).write_bytes(b"\xff\xfe")
    with pytest.raises(RunError, match=r"result\.json is damaged"):
        read_result(plan.jobs()[0])


def test_a_speed_of_damaged_lines(plan: SweepPlan) -> None:
    folder = RunFolder(plan.jobs()[0].folder)
    step = {"kind": "step", "step": 20, "epochs": 1.0, "seconds": 1.0, "done": 0.1}
    lines: list[Any] = [
        step,
        step | {"values": {"tokens_per_second": 8.0}},
        3,
        [],
        {"kind": "step"},
    ]
    folder.log.write_bytes(b"\xff\n" + "".join(f"{json.dumps(line)}\n" for line in lines).encode())
    assert speed(folder) == 8.0
