"""`seqlstm sweep`: one recipe in many forms and seeds, compared."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqlstm.cli.console import err, note, out, table, warn
from seqlstm.cli.options import Overrides

if TYPE_CHECKING:
    from seqlstm.runtime.signals import StopRequest
    from seqlstm.sweep.job import Outcome
    from seqlstm.sweep.plan import Job, SweepPlan
    from seqlstm.sweep.statistics import VariantScores


def complete_sweep(incomplete: str) -> list[str]:
    from seqlstm.recipe.shipped import sweep_paths

    return [name for name in sweep_paths() if name.startswith(incomplete)]


def sweep(
    name: Annotated[
        str,
        typer.Argument(
            metavar="SWEEP",
            help="A sweep's name (see `seqlstm recipes`) or a file of your own.",
            autocompletion=complete_sweep,
        ),
    ],
    overrides: Overrides = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="Its folder: runs/SWEEP.")
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", min=1, metavar="N", help="Train so many at once; they share the cores."
        ),
    ] = 1,
    dry: Annotated[bool, typer.Option("--dry", help="Only show what would be trained.")] = False,
) -> None:
    """Compare forms of a recipe: train each with several seeds, and tabulate their scores.

    A sweep is a TOML file that names a recipe, what to vary in it, seeds, and the score that
    decides. Each run is a run folder, `DIR/VARIANT/SEED`; the table, the picture and all figures
    go beside them. Stopped or killed, the same command goes on. Exit code 1 says that a score is
    not as the sweep expects, or that a run has failed.
    """
    from seqlstm.runtime.signals import stop_on_signals
    from seqlstm.sweep.checks import check_data
    from seqlstm.sweep.job import read_result
    from seqlstm.sweep.plan import read_plan
    from seqlstm.sweep.report import how_made, write_report
    from seqlstm.sweep.statistics import compare, passed

    plan = read_plan(name, overrides or [], run or Path("runs") / Path(name).stem)
    unfinished = [job for job in plan.jobs() if not read_result(job)]
    names = {job.combination for job in unfinished}
    waiting = [one for one in plan.combinations if one.name in names]
    check_data(waiting, where=name, split=plan.sweep.split, offline=dry)
    if dry:
        show_plan(plan, unfinished)
        return
    note(f"{len(plan.jobs())} runs, {len(plan.jobs()) - len(unfinished)} of them finished before")
    with stop_on_signals() as stop:
        failed = carry_out(plan, unfinished, jobs, stop)
    if stop:
        left = sum(not read_result(job) for job in plan.jobs())
        note(f"stopped: {left} of {len(plan.jobs())} runs are left; the same command goes on")
        raise typer.Exit(130 if stop.signal == "SIGINT" else 143)
    rows = compare(plan)
    show_rows(plan, rows)
    note(how_made(plan, rows))
    for file in write_report(plan, rows, failed):
        note(str(file))
    if failed or any(passed(row, plan) is False for row in rows):
        raise typer.Exit(1)


def carry_out(plan: SweepPlan, jobs: list[Job], at_once: int, stop: StopRequest) -> list[Outcome]:
    """Train what is left, a line for each; those that have failed."""
    from seqlstm.sweep.workers import carry_out_all

    done: list[Outcome] = []
    said: set[str] = set()
    with closing(carry_out_all(jobs, at_once=at_once, stop=stop)) as outcomes:
        for outcome in outcomes:
            for line in outcome.warnings:
                if line not in said:
                    warn(line)
            said.update(outcome.warnings)
            if outcome.result or outcome.failure:
                done.append(outcome)
                show_outcome(plan, outcome, left=time_left(done, len(jobs), at_once))
    return [outcome for outcome in done if outcome.failure]


def time_left(done: list[Outcome], runs: int, at_once: int) -> str:
    """By the mean of those that are done."""
    seconds = sum(outcome.seconds for outcome in done) / len(done)
    minutes, rest = divmod(round(seconds * (runs - len(done)) / at_once), 60)
    return f"{minutes}:{rest:02} left"


def show_outcome(plan: SweepPlan, outcome: Outcome, *, left: str) -> None:
    """One line."""
    from seqlstm.sweep.report import number

    begin = f"{outcome.job.combination}  seed {outcome.job.seed}"
    if outcome.result is None:
        err.print(f"{begin}  failed: {outcome.failure}", markup=False, soft_wrap=True)
        return
    result = outcome.result
    speed = f"  {result.tokens_per_second:,.0f} tokens/s" if result.tokens_per_second else ""
    value = f"{plan.sweep.score} {number(result.score(plan.sweep.score), 4)}"
    line = f"{begin}  {result.steps:,} steps  {value}{speed}  {left}"
    err.print(line, markup=False, soft_wrap=True)


def show_rows(plan: SweepPlan, rows: list[VariantScores]) -> None:
    from seqlstm.sweep.report import cells

    headers, lines = cells(plan, rows)
    shown = table(*headers)
    for column, header in zip(shown.columns, headers, strict=True):
        column.justify = "left" if header in ("variant", "expected") else "right"
    for line in lines:
        shown.add_row(*line)
    out.print(shown)


def show_plan(plan: SweepPlan, unfinished: list[Job]) -> None:
    """What would be trained, and what stands already."""
    shown = table("variant", "hidden", "parameters", "seeds", "left")
    for one in plan.combinations:
        jobs = plan.jobs(one)
        shown.add_row(
            one.name,
            one.recipe.model.hidden_size_text,
            f"{one.parameters:,}" if one.parameters else "",
            " ".join(str(job.seed) for job in jobs),
            " ".join(str(job.seed) for job in jobs if job in unfinished),
        )
    out.print(shown)
    note(f"in {plan.folder}")
