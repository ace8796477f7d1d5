"""A sweep's results as a table for people, a file for programs, and a line of how it was made."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seqlstm.run.folder import RunFolder
from seqlstm.runtime.files import write_atomically
from seqlstm.sweep.job import Outcome
from seqlstm.sweep.plan import SweepPlan
from seqlstm.sweep.plot import draw
from seqlstm.sweep.statistics import VariantScores, passed

NOTHING = "—"
LARGE = 1e9  # scores from here on are not written out


def write_report(
    plan: SweepPlan, rows: list[VariantScores], failed: Sequence[Outcome] = ()
) -> list[Path]:
    """table.md, results.json and picture.png, in the sweep's folder.

    Args:
        plan: the sweep.
        rows: of its table.
        failed: runs that have no result, and say why.

    Raises:
        FileError: they cannot be written.
    """
    results = facts(plan, rows, failed)
    contents = {
        "table.md": markdown(plan, rows).encode(),
        "results.json": json.dumps(results, indent=2, ensure_ascii=False).encode(),
        "picture.png": draw(plan, rows),
    }
    for name, content in contents.items():
        write_atomically(plan.folder / name, content)
    return [plan.folder / name for name in contents]


def cells(plan: SweepPlan, rows: list[VariantScores]) -> tuple[list[str], list[list[str]]]:
    """The table: its headers, and its rows as text."""
    label = plan.sweep.score.replace("_", " ")
    compared = any(row.p is not None for row in rows)
    expected = any(row.combination.expect for row in rows)
    headers = ["variant", "hidden", "parameters", label, "tokens/s"]
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
    """So many that the smallest spread has two digits; at most four."""
    spreads = [row.deviation for row in rows if row.deviation]
    return min(4, max(0, 1 - math.floor(math.log10(min(spreads))))) if spreads else 4


def spread(plan: SweepPlan, row: VariantScores, places: int) -> str:
    """Mean ± standard deviation, and of how many seeds where some are missing."""
    if not row.scores:
        return "failed"
    text = number(row.mean, places)
    if row.deviation is not None:
        text += f" ± {number(row.deviation, places)}"
    missing = len(row.scores) < len(plan.sweep.seeds)
    return f"{text} ({len(row.scores)} of {len(plan.sweep.seeds)})" if missing else text


def number(value: float | None, places: int) -> str:
    """A score; a dash for none, or for one that is not finite."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:,.{places}f}" if abs(value) < LARGE else f"{value:.4g}"


def probability(p: float | None) -> str:
    if p is None:
        return NOTHING
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def verdict(plan: SweepPlan, row: VariantScores) -> str:
    """Whether the scores are as expected, and how many of them."""
    found = passed(row, plan)
    if found is None:
        return ""
    word = "pass" if found else "FAIL"
    return f"{word}: {row.combination.expect} in {row.as_expected} of {len(plan.sweep.seeds)}"


def markdown(plan: SweepPlan, rows: list[VariantScores]) -> str:
    """The table for a README, and below it how it was made."""
    headers, lines = cells(plan, rows)
    numbers = [header in ("hidden", "parameters", "tokens/s", "p") for header in headers]
    table = [headers, ["---:" if number else "---" for number in numbers], *lines]
    text = "".join(f"| {' | '.join(line)} |\n" for line in table)
    return f"{text}\n{how_made(plan, rows)}\n"


def how_made(plan: SweepPlan, rows: list[VariantScores]) -> str:
    """Everything that a reader of the table has to know, the signatures of the scores below."""
    sweep = plan.sweep
    seeds = ", ".join(map(str, sweep.seeds))
    better = "less" if sweep.less_is_better else "more"
    said = [
        f"`{' '.join(['seqlstm sweep', plan.name, *plan.overrides])}`: recipe {sweep.recipe}",
        f"{sweep.score} on {sweep.split} with the {sweep.weights} weights, {better} is better, "
        f"mean ± standard deviation over seeds {seeds}",
    ]
    if sweep.streams > 1:
        said.append(f"the text read as {sweep.streams} streams")
    if sweep.budget:
        said.append(f"a budget of {sweep.budget:,} parameters, spent by the hidden size")
    if any(row.p is not None for row in rows):
        baselines = dict.fromkeys(row.baseline for row in rows if row.baseline)
        said.append(
            f"p against {' or '.join(map(str, baselines))}: Welch's t-test, Holm-corrected over "
            f"{sum(row.p is not None for row in rows)} comparisons"
        )
    if steps := sorted({one.steps for row in rows for one in row.results.values()}):
        ends = dict.fromkeys((steps[0], steps[-1]))
        said.append(f"{' to '.join(f'{one:,}' for one in ends)} steps")
    text = "; ".join([*said, *versions(plan)]) + "."
    lines = [f"- `{one}`" for one in dict.fromkeys(signatures(rows))]
    return "\n".join([text, "", *lines]) if lines else text


def signatures(rows: list[VariantScores]) -> Iterator[str]:
    """What every result counted, and how; a translator's scores have one each."""
    for row in rows:
        for result in row.results.values():
            if "signature" in result.values:
                yield result.values["signature"]
            for name, signature in result.values.get("signatures", {}).items():
                yield f"{name} {signature}"


def versions(plan: SweepPlan) -> list[str]:
    """What the runs were made with, each of them counted once."""
    made: dict[str, None] = {}
    for job in plan.jobs():
        if not RunFolder(job.folder).card.is_file():
            continue
        card = RunFolder(job.folder).read_card()
        packages = f"seqlstm {card['seqlstm']}, torch {card['packages']['torch']}"
        where = f"{card['machine']}, threads a run: {card['threads']}"
        made[f"{trained_in(card)}, {packages}, {where}"] = None
    return [*made]


def trained_in(card: dict[str, Any]) -> str:
    """The precision of a run's training, as it noted it when it chose."""
    notes = [note for note in card["data"]["notes"] if note.startswith("precision: ")]
    return f"trained in {notes[0].removeprefix('precision: ').partition(' (')[0]}"


def facts(plan: SweepPlan, rows: list[VariantScores], failed: Sequence[Outcome]) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        "sweep": plan.name,
        "overrides": plan.overrides,
        **plan.sweep.model_dump(mode="json", exclude={"variants"}),
        "made": how_made(plan, rows),
        "combinations": [
            {
                "name": row.combination.name,
                "baseline": row.baseline,
                "hidden": row.combination.recipe.model.hidden_size,
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
