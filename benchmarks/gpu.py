"""First measurements on a CUDA device: tests, decoders, kernel launches, training speed, BLEU.

Every stage runs in a process of its own, within a time limit. A stage that fails, or exceeds its
limit, is logged with the last lines of its output, and the next stage runs. One JSON line for each
stage goes to standard output and to OUT/gpu.jsonl, the output of a stage to OUT/STAGE.log.

    python benchmarks/gpu.py --out gpu-logs                    # reads .gpu/data/multi30k
    python benchmarks/gpu.py --out gpu-logs --stages machine,tests
    python benchmarks/gpu.py --out gpu-logs --dry              # on a CPU, with built-in data
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from gpu_stages import ROOT, STAGES, Setting, Values

ERROR_LINES = 10
DRY_LIMIT = 600.0  # seconds: no limit on a CPU that others use too


def run_process(command: Sequence[str], *, limit: float, log: Path) -> str | None:
    """Run a command and its children for at most `limit` seconds.

    Returns:
        None if it succeeds, else the reason and the last lines of its output.
    """
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        ) as process,
    ):
        try:
            reason = f"exit code {process.wait(limit)}"
        except subprocess.TimeoutExpired:
            reason = f"exceeded its limit of {limit} s"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode == 0:
        return None
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([reason, *lines[-ERROR_LINES:]])


def run_stage(name: str, arguments: argparse.Namespace, folder: Path) -> Values:
    """Run a stage in a process of its own. Returns its line of the log."""
    values, limit = folder / "values.json", DRY_LIMIT if arguments.dry else STAGES[name].limit
    command = [sys.executable, __file__, "--out", str(arguments.out), "--stages", name]
    options = ["--data", str(arguments.data), *(["--dry"] if arguments.dry else [])]
    began = time.perf_counter()
    log = arguments.out / f"{name}.log"
    error = run_process([*command, *options, "--values", str(values)], limit=limit, log=log)
    seconds = round(time.perf_counter() - began, 1)
    measured = json.loads(values.read_text(encoding="utf-8")) if error is None else {}
    line = {"stage": name, "ok": error is None, "seconds": seconds, "limit": limit}
    return {**line, **measured, "error": error}


def run_stages(arguments: argparse.Namespace) -> bool:
    """Run all stages, and log a line for each. Returns whether all succeeded."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    lines = []
    with (
        tempfile.TemporaryDirectory() as folder,
        (arguments.out / "gpu.jsonl").open("w", encoding="utf-8") as log,
    ):
        for name in arguments.stages:
            lines.append(run_stage(name, arguments, Path(folder)))
            for output in (sys.stdout, log):
                print(json.dumps(lines[-1]), file=output, flush=True)
    return all(line["ok"] for line in lines)


def stage_names(text: str) -> list[str]:
    """Stages from a list with commas."""
    names = text.split(",")
    if unknown := [name for name in names if name not in STAGES]:
        raise argparse.ArgumentTypeError(
            f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}"
        )
    return names


def measure(name: str, setting: Setting, values: Path) -> int:
    """Run a stage in this process, and write its values. Returns the exit code."""
    try:
        measured = STAGES[name].measure(setting)
    except subprocess.CalledProcessError as error:
        return error.returncode  # the last lines of the output are the command's own
    values.write_text(json.dumps(measured), encoding="utf-8")
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Returns the exit code: 1 if a stage failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the logs")
    parser.add_argument("--data", type=Path, default=ROOT / ".gpu/data", help="holds multi30k")
    parser.add_argument("--stages", type=stage_names, default=list(STAGES), help="as in a,b")
    parser.add_argument("--dry", action="store_true", help="small sizes, on the CPU")
    parser.add_argument("--values", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(words)
    if arguments.values is None:
        return 0 if run_stages(arguments) else 1
    setting = Setting(arguments.values.parent, arguments.data.resolve(), arguments.dry)
    return measure(arguments.stages[0], setting, arguments.values)


if __name__ == "__main__":
    sys.exit(main())
