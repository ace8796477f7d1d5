"""Means, deviations, p-values, expectations and reports, from written results."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from seqlstm.run.card import CardData, make_card
from seqlstm.run.folder import RunFolder
from seqlstm.sweep.job import Outcome, Result
from seqlstm.sweep.plan import SweepPlan
from seqlstm.sweep.report import cells, markdown, provenance, write_report
from seqlstm.sweep.statistics import compare, holm, passed, welch
from tests.sweep.conftest import CELLS, SWEEP, Read

THREE = (
    CELLS
    + """
expect = "<= 2.5"
runs = 1

[[variants]]
name = "gru"
set = { model = { cell = { kind = "gru" } } }
expect = "< 2"
"""
)


def with_results(plan: SweepPlan, *scores: list[Any], speed: float | None = 1000.0) -> SweepPlan:
    """Write the results of the runs."""
    for combination, seeds in zip(plan.combinations, scores, strict=True):
        for job, value in zip(plan.jobs(combination), seeds, strict=False):
            job.folder.mkdir(parents=True)
            values = {"bits_per_byte": value, "signature": f"lm|of:{combination.name}"}
            result = Result("validation", "last", 1, values, 1234, 3, 0.5, speed)
            (job.folder / "result.json").write_text(json.dumps(asdict(result)))
    return plan


def test_holms_worked_example() -> None:
    # Smallest first: 4 · 0.005, 3 · 0.01, 2 · 0.03; the last, 0.04, may not be smaller.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_welchs_worked_example() -> None:
    # Means 2 and 3, variances 2/3 and 10/3, four scores each: t = −1 / √(1/6 + 5/6).
    left, right = [1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 4.0, 5.0]
    v, w = statistics.variance(left) / 4, statistics.variance(right) / 4
    t = (statistics.fmean(left) - statistics.fmean(right)) / (v + w) ** 0.5
    freedom = (v + w) ** 2 / (v**2 / 3 + w**2 / 3)
    assert t == pytest.approx(-1)
    assert freedom == pytest.approx(108 / 26)
    p = welch(left, right)
    assert p is not None
    assert 0.3632 < p < 0.3739  # the values at t = 1 for 5 and 4 degrees of freedom


def test_there_is_no_p_without_a_variance() -> None:
    assert welch([1.0], [1.0, 2.0]) is None
    assert welch([1.0, 1.0], [2.0, 2.0]) is None
    assert welch([1.0, 1.0], [2.0, 2.1]) is not None


def test_rows_of_the_results(read: Read) -> None:
    plan = with_results(read(THREE), [2.0, 4.0], [2.0, 3.0], [1.0, 1.5])
    elman, lstm, gru = compare(plan)
    assert (elman.mean, elman.p) == (3.0, None)
    assert elman.deviation == pytest.approx(2**0.5)
    assert (lstm.mean, lstm.parameters, lstm.tokens_per_second) == (2.5, 1234, 1000.0)
    raw = welch([2.0, 3.0], [2.0, 4.0]), welch([1.0, 1.5], [2.0, 4.0])
    assert [lstm.p, gru.p] == holm([p for p in raw if p is not None])
    assert [passed(row, plan) for row in (elman, lstm, gru)] == [None, True, True]
    assert lstm.as_expected == 1


def test_too_few_expected_scores_are_a_failure(read: Read) -> None:
    plan = with_results(read(THREE), [2.0, 4.0], [2.6, 3.0], [1.0, 2.0])
    assert [passed(row, plan) for row in compare(plan)] == [None, False, False]


def test_the_baseline_has_the_same_varied_values(read: Read) -> None:
    more = '[vary]\n"model.num_layers" = [1, 2]\n' + CELLS
    plan = with_results(read(more), [5.0, 6.0], [1.0, 2.0], [7.0, 8.0], [3.0, 4.0])
    baselines = {row.combination.name: row.baseline for row in compare(plan)}
    assert baselines == {
        "elman, num_layers=1": None,
        "lstm, num_layers=1": "elman, num_layers=1",
        "elman, num_layers=2": None,
        "lstm, num_layers=2": "elman, num_layers=2",
    }


def test_without_variants_the_baseline_is_a_combination(read: Read) -> None:
    named = SWEEP.replace("[set]", 'baseline = "num_layers=2"\n[set]')
    plan = with_results(read('[vary]\n"model.num_layers" = [1, 2]\n', sweep=named), [1.0], [2.0])
    assert [row.baseline for row in compare(plan)] == ["num_layers=2", None]


def test_the_table(read: Read) -> None:
    plan = with_results(read(THREE), [2.0, 2.2], [2.0, 2.1], [1.0])
    headers, lines = cells(plan, compare(plan))
    assert headers == [
        *("variant", "hidden_size", "parameters", "bits per byte", "tokens/s", "p", "expected")
    ]
    elman, lstm, gru = lines
    assert elman == ["elman", "8", "1,234", "2.100 ± 0.141", "1,000", "—", ""]
    assert lstm[3] == "2.050 ± 0.071"
    assert lstm[6] == "pass: <= 2.5 in 2 of 2"
    assert gru[3:] == ["1.000 (1 of 2)", "1,000", "—", "FAIL: < 2 in 1 of 2"]


def test_a_combination_without_a_finished_run(read: Read) -> None:
    plan = with_results(read(CELLS), [2.0, 2.2], [], speed=None)
    assert cells(plan, compare(plan))[1][1] == ["lstm", "8", "—", "failed", "—"]


def test_the_report_describes_how_it_was_made(read: Read, tmp_path: Path) -> None:
    plan = with_results(
        read(THREE, "data.batching.batch_size=4"), [2.0, 2.2], [2.0, 2.1], [1.0, 1.3]
    )
    rows = compare(plan)
    lines = markdown(plan, rows).splitlines()
    assert lines[0] == (
        "| variant | hidden_size | parameters | bits per byte | tokens/s | p | expected |"
    )
    assert lines[1] == "| --- | ---: | ---: | --- | ---: | ---: | --- |"
    assert lines[2].startswith("| elman | 8 | 1,234 | 2.100 ± 0.141 |")
    assert (
        "data.batching.batch_size=4`: recipe recipe.toml; bits_per_byte on validation" in lines[6]
    )
    assert "less is better, mean ± standard deviation over seeds 1, 2; p against elman" in lines[6]
    assert "Holm-corrected over 2 comparisons" in lines[6]
    files = write_report(plan, rows)
    assert [file.name for file in files] == ["table.md", "results.json", "picture.png"]
    assert files[2].read_bytes().startswith(b"\x89PNG")
    found = json.loads(files[1].read_text())
    assert found["overrides"] == ["data.batching.batch_size=4"]
    (elman, lstm, gru) = found["combinations"]
    assert (elman["name"], elman["mean"], elman["passed"]) == ("elman", 2.1, None)
    assert elman["hidden_size"] == 8
    assert (lstm["expect"], lstm["passed"]) == ("<= 2.5", True)
    assert [run["values"]["bits_per_byte"] for run in gru["runs"]] == [1.0, 1.3]


def test_scores_that_are_huge_or_not_finite(read: Read) -> None:
    plan = with_results(read(THREE), [1e308, 1.7e308], [None, 2.0], [None, None])
    rows = compare(plan)
    assert [row.mean for row in rows] == [pytest.approx(1.35e308), None, None]
    assert [row.deviation is None for row in rows] == [False, True, True]
    assert [row.p for row in rows] == [None, None, None]
    assert [row.as_expected for row in rows] == [0, 1, 0]
    assert [line[3] for line in cells(plan, rows)[1]] == ["1.35e+308 ± 4.95e+307", "—", "—"]
    table, results, _ = write_report(plan, rows)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    found = json.loads(results.read_text(), parse_constant=refuse)
    assert [one["mean"] is None for one in found["combinations"]] == [False, True, True]
    assert found["combinations"][1]["runs"][0]["values"]["bits_per_byte"] is None
    assert "| 1.35e+308 ± 4.95e+307 |" in table.read_text()


def test_provenance_has_budget_steps_and_signatures(read: Read) -> None:
    more = SWEEP.replace("[set]", 'streams = 4\nbudget = "8k"\n[set]')
    sweep = read(CELLS, sweep=more.replace(", hidden_size = 8", "")).sweep
    plan = with_results(
        replace(read(CELLS), sweep=sweep.model_copy(update={"streams": 1})), [2.0], [2.1]
    )
    rows, plan = compare(plan), replace(plan, sweep=sweep)
    (folder,) = [job.folder for job in plan.jobs(plan.combinations[0])[:1]]
    notes = ["precision: bfloat16 on cpu (as asked)"]
    data = CardData(fingerprints={}, notes=notes, warnings=[])
    RunFolder(folder).write_card(make_card(data=data, tokenizer="x", run="x", recipe=("x",)))
    text, _, *signatures = provenance(plan, rows).splitlines()
    assert "; the text read as 4 streams; a budget of 8,000 parameters, spent by" in text
    assert "; 3 steps; trained in bfloat16 on cpu, seqlstm " in text
    assert signatures == ["- `lm|of:elman`", "- `lm|of:lstm`"]
    scored = {"signatures": {"bleu": "nrefs:1|case:mixed"}}
    result = Result("test", "last", 1, scored, 1, 2, 0.5, None)
    rows = [replace(rows[0], results={1: result, 2: replace(result, steps=1500)})]
    assert "; 2 to 1,500 steps; " in provenance(plan, rows)
    assert provenance(plan, rows).endswith(".\n\n- `bleu nrefs:1|case:mixed`")


def test_results_have_the_failures(read: Read) -> None:
    plan = with_results(read(), [2.0, 2.2], [2.1])
    failed = Outcome(plan.jobs()[3], failure="step 3: not finite")
    found = json.loads(write_report(plan, compare(plan), [failed])[1].read_text())
    assert [one["failures"] for one in found["combinations"]] == [
        [],
        [{"seed": 2, "failure": "step 3: not finite"}],
    ]
