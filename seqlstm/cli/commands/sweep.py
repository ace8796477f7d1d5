"""`seqlstm sweep`: train variants of a recipe with several seeds and compare their scores."""

from __future__ import annotations

from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from seqlstm.cli.console import err, note, out, show_summary, table, warn
from seqlstm.cli.failures import stopped_code
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
            help="The name of a sweep (see `seqlstm recipes`), or a sweep file.",
            autocompletion=complete_sweep,
        ),
    ],
    overrides: Overrides = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="DIR", help="The sweep's folder; default: runs/SWEEP."),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", min=1, metavar="N", help="Runs to train in parallel; they share the cores."
        ),
    ] = 1,
    dry: Annotated[bool, typer.Option("--dry", help="Only list the runs, and train none.")] = False,
) -> None:
    """Compare variants of a recipe: train each with several seeds, and tabulate their scores.

    A sweep is a TOML file with a recipe, the keys to vary, the seeds, and the score to compare.
    Each run is a run folder, `DIR/VARIANT/SEED`; the table, the picture and all numbers are stored
    beside them. After a stop, the same command continues. The exit code is 1 if a score is not as
    the sweep expects, or if a run failed.
    """
    from seqlstm.run.lock import FolderLock

    folder = run or Path("runs") / Path(name).stem
    with nullcontext() if dry else FolderLock(folder) as lock:
        if lock and lock.warning:
            warn(lock.warning)
        run_sweep(name, overrides or [], folder, jobs=jobs, dry=dry)


def run_sweep(name: str, overrides: list[str], folder: Path, *, jobs: int, dry: bool) -> None:
    """Run a sweep in a folder, whose lock is held unless it is only listed."""
    from seqlstm.runtime.signals import stop_on_signals
    from seqlstm.sweep.checks import check_data, check_machines
    from seqlstm.sweep.job import read_result
    from seqlstm.sweep.plan import read_plan
    from seqlstm.sweep.report import provenance, write_report
    from seqlstm.sweep.statistics import compare, passed

    plan = read_plan(name, overrides, folder)
    unfinished = [job for job in plan.jobs() if not read_result(job)]
    names = {job.combination for job in unfinished}
    remaining = [combination for combination in plan.combinations if combination.name in names]
    check_machines(remaining, where=name)
    check_data(remaining, where=name, split=plan.sweep.split, offline=dry)
    if dry:
        show_plan(plan, unfinished)
        return
    note(f"{len(plan.jobs())} runs, {len(plan.jobs()) - len(unfinished)} of them finished before")
    with stop_on_signals() as stop:
        failed = run_jobs(plan, unfinished, jobs, stop)
    if stop:
        left = sum(not read_result(job) for job in plan.jobs())
        note(f"stopped: {left} of {len(plan.jobs())} runs are left; the same command continues")
        raise typer.Exit(stopped_code(stop))
    rows = compare(plan)
    files = write_report(plan, rows, failed)
    show_summary(table_of(plan, rows))
    note(provenance(plan, rows))
    for file in files:
        note(str(file))
    if failed or any(passed(row, plan) is False for row in rows):
        raise typer.Exit(1)


def run_jobs(plan: SweepPlan, jobs: list[Job], at_once: int, stop: StopRequest) -> list[Outcome]:
    """Run the jobs and print a line for each; returns those that failed."""
    from seqlstm.sweep.workers import run_all

    done: list[Outcome] = []
    printed: set[str] = set()
    with closing(run_all(jobs, at_once=at_once, stop=stop)) as outcomes:
        for outcome in outcomes:
            for line in outcome.warnings:
                if line not in printed:
                    warn(line)
            printed.update(outcome.warnings)
            if outcome.result or outcome.failure:
                done.append(outcome)
                show_outcome(plan, outcome, left=time_left(done, len(jobs), at_once))
    return [outcome for outcome in done if outcome.failure]


def time_left(done: list[Outcome], runs: int, at_once: int) -> str:
    """The estimated time for the remaining runs, from the mean of the finished ones."""
    seconds = sum(outcome.seconds for outcome in done) / len(done)
    minutes, rest = divmod(round(seconds * (runs - len(done)) / at_once), 60)
    return f"{minutes}:{rest:02} left"


def show_outcome(plan: SweepPlan, outcome: Outcome, *, left: str) -> None:
    """Print the line of a finished run."""
    from seqlstm.sweep.report import number

    begin = f"{outcome.job.combination}  seed {outcome.job.seed}"
    if outcome.result is None:
        err.print(f"{begin}  failed: {outcome.failure}", soft_wrap=True)
        return
    result = outcome.result
    speed = f"  {result.tokens_per_second:,.0f} tokens/s" if result.tokens_per_second else ""
    value = f"{plan.sweep.score} {number(result.score(plan.sweep.score), 4)}"
    line = f"{begin}  {result.steps:,} steps  {value}{speed}  {left}"
    err.print(line, soft_wrap=True)


def table_of(plan: SweepPlan, rows: list[VariantScores]) -> Table:
    """The table of all variants and their scores."""
    from seqlstm.sweep.report import cells

    headers, lines = cells(plan, rows)
    shown = table(*(header.replace("_", " ") for header in headers))
    for column, header in zip(shown.columns, headers, strict=True):
        column.no_wrap = header not in ("variant", "hidden_size")  # never break a number
        column.justify = "left" if header in ("variant", "expected") else "right"
    for line in lines:
        shown.add_row(*line)
    return shown


def show_plan(plan: SweepPlan, unfinished: list[Job]) -> None:
    """Print the runs of a sweep, and those that are not finished yet."""
    shown = table("variant", "hidden_size", "parameters", "seeds", "left")
    for combination in plan.combinations:
        jobs = plan.jobs(combination)
        shown.add_row(
            combination.name,
            combination.recipe.model.hidden_size_text,
            f"{combination.parameters:,}" if combination.parameters else "",
            " ".join(str(job.seed) for job in jobs),
            " ".join(str(job.seed) for job in jobs if job in unfinished),
        )
    out.print(shown)
    note(f"in {plan.folder}")
