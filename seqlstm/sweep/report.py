"""The report of a sweep: a table, a JSON file, and a line that describes how it was made."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seqlstm.run.card import Card
from seqlstm.run.folder import RunFolder
from seqlstm.runtime.files import remove_temporary_files, write_atomically
from seqlstm.sweep.job import Outcome
from seqlstm.sweep.plan import SweepPlan
from seqlstm.sweep.plot import draw
from seqlstm.sweep.statistics import VariantScores, passed

NOTHING = "—"
LARGE = 1e9  # larger scores are written with an exponent


def write_report(
    plan: SweepPlan, rows: list[VariantScores], failed: Sequence[Outcome] = ()
) -> list[Path]:
    """Write table.md, results.json and picture.png into the sweep's folder.

    Args:
        plan: the sweep.
        rows: of the table.
        failed: outcomes of the runs without a result.

    Returns:
        The files.

    Raises:
        FileError: a file cannot be written.
    """
    results = as_object(plan, rows, failed)
    contents = {
        "table.md": markdown(plan, rows).encode(),
        "results.json": json.dumps(results, indent=2, ensure_ascii=False).encode(),
        "picture.png": draw(plan, rows),
    }
    remove_temporary_files(plan.folder, contents)
    for name, content in contents.items():
        write_atomically(plan.folder / name, content)
    return [plan.folder / name for name in contents]


def cells(plan: SweepPlan, rows: list[VariantScores]) -> tuple[list[str], list[list[str]]]:
    """The headers and the rows of the table."""
    label = plan.sweep.score.replace("_", " ")
    compared = any(row.p is not None for row in rows)
    expected = any(row.combination.expect for row in rows)
    headers = ["variant", "hidden_size", "parameters", label, "tokens/s"]
    headers += ["p"] * compared + ["expected"] * expected
    places = decimals(rows)
    return headers, [
        [
            row.combination.name,
            row.combination.recipe.model.hidden_size_text,
            NOTHING if row.parameters is None else f"{row.parameters:,}",
            spread(plan, row, places),
            NOTHING if row.tokens_per_second is None else f"{row.tokens_per_second:,.0f}",
            *([probability(row.p)] if compared else []),
            *([verdict(plan, row)] if expected else []),
        ]
        for row in rows
    ]


def decimals(rows: list[VariantScores]) -> int:
    """Decimal places that show two digits of the smallest deviation; at most four."""
    spreads = [row.deviation for row in rows if row.deviation]
    return min(4, max(0, 1 - math.floor(math.log10(min(spreads))))) if spreads else 4


def spread(plan: SweepPlan, row: VariantScores, places: int) -> str:
    """Mean ± standard deviation, and the number of seeds if some are missing."""
    if not row.scores:
        return "failed"
    text = number(row.mean, places)
    if row.deviation is not None:
        text += f" ± {number(row.deviation, places)}"
    missing = len(row.scores) < len(plan.sweep.seeds)
    return f"{text} ({len(row.scores)} of {len(plan.sweep.seeds)})" if missing else text


def number(value: float | None, places: int) -> str:
    """A score as text; a dash for None and for numbers that are not finite."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:,.{places}f}" if abs(value) < LARGE else f"{value:.4g}"


def probability(p: float | None) -> str:
    if p is None:
        return NOTHING
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def verdict(plan: SweepPlan, row: VariantScores) -> str:
    """Whether and how often the scores are as expected."""
    success = passed(row, plan)
    if success is None:
        return ""
    word = "pass" if success else "FAIL"
    return f"{word}: {row.combination.expect} in {row.as_expected} of {len(plan.sweep.seeds)}"


def markdown(plan: SweepPlan, rows: list[VariantScores]) -> str:
    """The table in Markdown, and below it how it was made."""
    headers, lines = cells(plan, rows)
    numbers = [header in ("hidden_size", "parameters", "tokens/s", "p") for header in headers]
    table = [headers, ["---:" if number else "---" for number in numbers], *lines]
    text = "".join(f"| {' | '.join(line)} |\n" for line in table)
    return f"{text}\n{provenance(plan, rows)}\n"


def provenance(plan: SweepPlan, rows: list[VariantScores]) -> str:
    """The command, data, seeds, tests and versions of a table, and its signatures and notes."""
    sweep = plan.sweep
    seeds = ", ".join(map(str, sweep.seeds))
    better = "less" if sweep.less_is_better else "more"
    facts = [
        f"`{' '.join(['seqlstm sweep', plan.name, *plan.overrides])}`: recipe {sweep.recipe}",
        f"{sweep.score} on {sweep.split} with the {sweep.weights} weights, {better} is better, "
        f"mean ± standard deviation over seeds {seeds}",
    ]
    if sweep.streams > 1:
        facts.append(f"the text read as {sweep.streams} streams")
    if sweep.budget:
        facts.append(f"a budget of {sweep.budget:,} parameters, spent by the hidden size")
    if any(row.p is not None for row in rows):
        baselines = dict.fromkeys(row.baseline for row in rows if row.baseline)
        facts.append(
            f"p against {' or '.join(map(str, baselines))}: Welch's t-test, Holm-corrected over "
            f"{sum(row.p is not None for row in rows)} comparisons"
        )
    results = [result for row in rows for result in row.results.values()]
    if steps := sorted({result.steps for result in results}):
        ends = dict.fromkeys((steps[0], steps[-1]))
        facts.append(f"{' to '.join(f'{end:,}' for end in ends)} steps")
    text = "; ".join([*facts, *versions(plan)]) + "."
    lines = [f"- `{signature}`" for signature in dict.fromkeys(signatures(rows))]
    lines += [f"- {note}" for note in dict.fromkeys(n for one in results for n in one.notes)]
    return "\n".join([text, "", *lines]) if lines else text


def signatures(rows: list[VariantScores]) -> Iterator[str]:
    """The signatures of all results; a translator has one for each score."""
    for row in rows:
        for result in row.results.values():
            if signature := result.values.get("signature"):
                yield str(signature)
            by_score = result.values.get("signatures")
            for name, signature in by_score.items() if isinstance(by_score, dict) else ():
                yield f"{name} {signature}"


def versions(plan: SweepPlan) -> list[str]:
    """The different precisions, versions and machines of the runs."""
    descriptions: dict[str, None] = {}
    for job in plan.jobs():
        folder = RunFolder(job.folder)
        if folder.card.is_file():
            card = folder.read_card()
            packages = f"seqlstm {card.seqlstm}, torch {card.packages.get('torch', 'unknown')}"
            where = f"{card.machine}, threads a run: {card.threads}"
            descriptions[f"{trained_in(card)}, {packages}, {where}"] = None
    return [*descriptions]


def trained_in(card: Card) -> str:
    """The precision of a run's training, from the notes in its card."""
    notes = [note for note in card.data.notes if note.startswith("precision: ")]
    precision = notes[0].removeprefix("precision: ") if notes else "an unknown precision"
    return f"trained in {precision.partition(' (')[0]}"


def as_object(
    plan: SweepPlan, rows: list[VariantScores], failed: Sequence[Outcome]
) -> dict[str, Any]:
    """The JSON object of results.json."""
    return {
        "sweep": plan.name,
        "overrides": plan.overrides,
        **plan.sweep.model_dump(mode="json", exclude={"variants"}),
        "made": provenance(plan, rows),
        "combinations": [
            {
                "name": row.combination.name,
                "baseline": row.baseline,
                "hidden_size": row.combination.recipe.model.hidden_size,
                "parameters": row.parameters,
                "mean": row.mean,
                "deviation": row.deviation,
                "p": row.p,
                "tokens_per_second": row.tokens_per_second,
                "expect": str(row.combination.expect) if row.combination.expect else None,
                "passed": passed(row, plan),
                "runs": [{"seed": seed, **asdict(one)} for seed, one in row.results.items()],
                "failures": [
                    {"seed": one.job.seed, "failure": one.failure}
                    for one in failed
                    if one.job.combination == row.combination.name
                ],
            }
            for row in rows
        ],
    }
