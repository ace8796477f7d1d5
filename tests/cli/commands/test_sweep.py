"""`seqlstm sweep`: its output, exit codes, and stop signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqlstm.recipe.shipped import sweep_paths
from seqlstm.training.loop import TrainingLoop
from tests.runs import LANGUAGE_MODEL, answer, invoke, refusal, write_recipe

CHILDREN = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
SWEEP = """# Two cells.
recipe = "recipe.toml"
seeds = [1, 2]
split = "validation"
score = "bits_per_byte"

[set]
threads = 1
model = {{ embedding_dim = 8, hidden_size = 8 }}
training = {{ steps = {steps}, validate_every = "" }}

[[variants]]
name = "elman"
set = {{ model = {{ cell = {{ kind = "elman" }} }} }}
expect = "{expect}"

[[variants]]
name = "lstm"
set = {{ training = {{ steps = {long} }} }}
"""


def write(folder: Path, *, expect: str = "> 0", steps: int = 20, long: int | None = None) -> Path:
    write_recipe(folder, LANGUAGE_MODEL)
    path = folder / "mine.toml"
    path.write_text(SWEEP.format(expect=expect, steps=steps, long=long or steps), encoding="utf-8")
    return path


def test_it_trains_reports_and_continues(tmp_path: Path) -> None:
    file, out = write(tmp_path), tmp_path / "out"
    result = invoke("sweep", file, "--run", out)
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    assert lines[0] == "4 runs, 0 of them finished before"
    assert lines[1].startswith("elman  seed 1  20 steps  bits_per_byte ")
    assert lines[1].endswith(" left")
    assert "tokens/s" in lines[1]
    assert [line.split()[0] for line in lines[1:5]] == ["elman", "lstm", "elman", "lstm"]
    top, bottom, elman, lstm = result.stdout.splitlines()
    assert top.split() == ["hidden"]
    assert bottom.split() == [
        *("variant", "size", "parameters", "bits", "per", "byte", "tokens/s", "p", "expected")
    ]
    assert elman.startswith("elman")
    assert "pass: > 0 in 2 of 2" in elman
    assert "±" in lstm
    assert {path.name for path in out.iterdir()} == {
        *("elman", "lstm", "table.md", "results.json", "picture.png")
    }
    assert "20 steps" in answer("info", out / "lstm" / "2")
    again = invoke("sweep", file, "--run", out)
    assert again.stdout == result.stdout
    assert again.stderr.startswith("4 runs, 4 of them finished before\n")
    assert "seed 1 " not in again.stderr


def test_failures_are_printed_and_saved(tmp_path: Path) -> None:
    wild = ["model.dropout.output=0.1", "training.max_grad_norm=1e38"]
    wild += ["training.optimizer={kind='sgd', learning_rate=1e38}"]
    result = invoke("sweep", write(tmp_path, steps=3), *wild, "--run", tmp_path / "out")
    assert result.exit_code == 1, result.output
    assert "elman  seed 1  failed: step " in result.stderr
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    for one in found["combinations"]:
        assert [failed["seed"] for failed in one["failures"]] == [1, 2]
        assert "not finite" in one["failures"][0]["failure"]


def test_a_missing_split_is_an_error_before_training(tmp_path: Path) -> None:
    file = write(tmp_path)
    file.write_text(file.read_text().replace('split = "validation"', 'split = "validaton"'))
    for more in ([], ["--dry"]):
        error = refusal("sweep", file, "--run", tmp_path / "out", *more)
        assert 'split: local files has no split "validaton"' in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("more", [[], ["--dry"]])
def test_what_does_not_fit_the_machine_is_an_error_before_training(
    tmp_path: Path, more: list[str]
) -> None:
    file = write(tmp_path)
    vary = '[vary]\n"model.hidden_size" = [8, 2000000]\nthreads = [1, 9999]\n'
    file.write_text(file.read_text().partition("[set]")[0] + vary, encoding="utf-8")
    error = refusal("sweep", file, "--run", tmp_path / "out", *more)
    assert "mine.toml: 2 mistakes" in error
    threads, memory = error.splitlines()[1:]
    assert "threads: must be at most" in threads
    assert "(in hidden_size=8, threads=9999; hidden_size=2000000, threads=9999)" in threads
    assert "model.hidden_size: training needs at least" in memory
    assert "(in hidden_size=2000000, threads=1)" in memory
    assert not (tmp_path / "out").exists()


def test_an_expectation_that_fails_is_exit_code_1(tmp_path: Path) -> None:
    result = invoke("sweep", write(tmp_path, expect="< 0", steps=1), "--run", tmp_path / "out")
    assert result.exit_code == 1, result.output
    assert "FAIL: < 0 in 0 of 2" in result.stdout
    assert (tmp_path / "out" / "table.md").is_file()


def test_dry_lists_the_runs_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    file = write(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    head, elman, _ = answer("sweep", file, "--dry").splitlines()
    assert head.split() == ["variant", "hidden_size", "parameters", "seeds", "left"]
    assert elman.split() == ["elman", "8", *"1212"]
    assert sorted(tmp_path.rglob("*")) == before


def test_mistakes_are_exit_code_2(tmp_path: Path) -> None:
    error = refusal("sweep", write(tmp_path), "model.hiden=3", "--run", tmp_path / "out")
    assert 'model.hiden: unknown key (did you mean "hidden_size"?)' in error
    assert "no sweep" in refusal("sweep", "nowhere")
    assert not (tmp_path / "out").exists()


def test_ctrl_c_saves_and_the_same_command_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = TrainingLoop.step

    def stepped(self: TrainingLoop, batches: Iterator[Any]) -> dict[str, float]:
        values = step(self, batches)
        if self.progress.step == 7:
            signal.raise_signal(signal.SIGINT)
        return values

    file, out = write(tmp_path), tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(TrainingLoop, "step", stepped)
        result = invoke("sweep", file, "--run", out)
    assert result.exit_code == 130, result.output
    assert "stopped: 4 of 4 runs are left; the same command continues" in result.stderr
    assert "7 steps" in answer("info", out / "elman" / "1")
    assert invoke("sweep", file, "--run", out).exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
class TestParallelJobs:
    @pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_all_runs_save_at_a_stop_signal(
        self, tmp_path: Path, sent: signal.Signals, code: int
    ) -> None:
        file, out = write(tmp_path, long=1_000_000), tmp_path / "out"
        process = two_at_once(file, out)
        results = [out / "elman" / seed / "result.json" for seed in "12"]
        logs = [out / "lstm" / seed / "log.jsonl" for seed in "12"]
        wait_until(lambda: all(one.is_file() for one in [*results, *logs]), process)
        os.killpg(process.pid, sent)  # to the whole group, as a terminal does
        _, errors = process.communicate(timeout=60)
        assert process.returncode == code, errors
        assert "Traceback" not in errors
        assert "stopped: 2 of 4 runs are left; the same command continues" in errors
        for log in logs:
            assert (log.parent / "checkpoint.pt").is_file()
            assert "stopped by" in log.read_text()
        if sent == signal.SIGINT:  # equal to runs one after the other
            alone = tmp_path / "alone"
            answer("sweep", write(tmp_path), "--run", alone)
            for result in results:
                again = alone / result.relative_to(out)
                values = json.loads(result.read_text())["values"]
                assert json.loads(again.read_text())["values"] == values

    @pytest.mark.skipif(not CHILDREN.is_file(), reason="needs the /proc of Linux")
    def test_ctrl_c_while_workers_start(self, tmp_path: Path) -> None:
        process = two_at_once(write(tmp_path), tmp_path / "out")
        wait_until(lambda: importing(process.pid), process)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130, errors
        assert "Traceback" not in errors
        assert "stopped: 4 of 4 runs are left" in errors


def importing(parent: int) -> bool:
    """Whether a worker of this process is loading torch, which takes a while."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return any("libtorch" in Path(f"/proc/{child}/maps").read_text() for child in children)


def two_at_once(file: Path, out: Path) -> subprocess.Popen[str]:
    command = ["sweep", str(file), "--run", str(out), "--jobs", "2"]
    return subprocess.Popen(
        [sys.executable, "-m", "seqlstm", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while not holds() and time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_shipped_sweeps_are_listed_shown_and_copied(tmp_path: Path) -> None:
    for name, path in sweep_paths().items():
        assert f"\n{name}  " in answer("recipes")
        assert answer("recipes", "show", name) == path.read_text(encoding="utf-8")
    result = invoke("recipes", "copy", "odyssey", tmp_path)
    assert result.stderr == f"seqlstm sweep {tmp_path / 'odyssey.toml'}\n"
    assert "is a sweep, not a recipe" in refusal("train", "odyssey")
    assert "Usage" in answer("sweep", "-h")
