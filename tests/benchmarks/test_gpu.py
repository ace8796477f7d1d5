"""benchmarks/gpu.py on a CPU: every stage runs with small sizes, and none stops the others."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from select import select
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
STAGES = ["machine", "tests", "decoders", "profile", "train", "evaluate", "cifg"]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module: scripts import each other by their names alone."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu

    return gpu


def run(
    gpu: ModuleType, out: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the log, which is also what goes to standard output."""
    code = gpu.main(["--dry", "--out", str(out), *options])
    text = (out / "gpu.jsonl").read_text(encoding="utf-8")
    assert capsys.readouterr().out == text
    return code, [json.loads(line) for line in text.splitlines()]


def test_every_stage(gpu: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = run(gpu, tmp_path, capsys)
    stages = sys.modules["gpu_stages"]
    assert [line["stage"] for line in lines] == STAGES
    assert [line["error"] for line in lines] == [None] * len(STAGES)
    assert all(line["ok"] for line in lines)
    assert code == 0
    by_stage = {line["stage"]: line for line in lines}
    assert by_stage["tests"]["failures"] == by_stage["tests"]["errors"] == 0
    assert list(by_stage["decoders"]["losses"]) == list(stages.DECODERS)
    assert by_stage["train"]["steps"] == stages.WARMUP + stages.PROFILED
    assert len(by_stage["profile"]["kernels"]) == stages.COSTLIEST
    assert by_stage["evaluate"]["sentences"] == 20
    assert 0 <= by_stage["evaluate"]["bleu"] <= 100


def test_a_stage_that_fails_is_logged_and_the_next_runs(
    gpu: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, (failed, after) = run(gpu, tmp_path, capsys, "--stages", "evaluate,machine")
    assert code == 1
    assert (failed["stage"], failed["ok"]) == ("evaluate", False)
    assert failed["error"].startswith("exit code 2\n")  # evaluate's own, without a run of `train`
    assert failed["error"].endswith("\n".join(log(tmp_path, "evaluate")[-gpu.ERROR_LINES :]))
    assert (after["stage"], after["ok"], after["error"]) == ("machine", True, None)


def test_a_stage_at_its_limit_is_killed_with_its_children(tmp_path: Path, gpu: ModuleType) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    child = (
        f"import time; file = open({str(pipe)!r}, 'w'); print('open', flush=True); time.sleep(600)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    error = gpu.run_process([sys.executable, "-c", parent], limit=5.0, log=tmp_path / "log")
    assert error == "exceeded its limit of 5.0 s\nopen"
    assert select([reader], [], [], 60)[0] == [reader]  # the end of the file: nothing writes now
    os.close(reader)


def test_an_unknown_stage_is_refused(
    gpu: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        gpu.main(["--out", str(tmp_path), "--stages", "machine,speed"])
    assert "no stage speed; there are machine, tests" in capsys.readouterr().err


def log(out: Path, stage: str) -> list[str]:
    return (out / f"{stage}.log").read_text(encoding="utf-8").splitlines()
