"""200 kills of each layout of batches: what is resumed equals a run that was never stopped."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
import safetensors.torch
import torch

from tests.runs import write_recipe
from tests.soak.commands import Commands
from tests.test_resume import LANGUAGE_MODEL, TRANSLATOR

KILLS = 200
KILLS_OF_A_RUN = 8


def state_of(run: Path) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    """All weights, and the log without measured times."""
    weights = {
        f"{file.name}: {key}": tensor
        for file in sorted(run.glob("*.safetensors"))
        for key, tensor in safetensors.torch.load_file(file).items()
    }
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    for line in log:
        del line["seconds"]
        line.get("values", {}).pop("tokens_per_second", None)
    return weights, log


def assert_equal(run: Path, expected: Path) -> None:
    (weights, log), (other_weights, other_log) = state_of(run), state_of(expected)
    assert log == other_log
    assert weights.keys() == other_weights.keys()
    assert [key for key in weights if not torch.equal(weights[key], other_weights[key])] == []


@pytest.mark.parametrize("recipe", [TRANSLATOR, LANGUAGE_MODEL], ids=["tokens", "stream"])
def test_kills(recipe: str, commands: Commands, tmp_path: Path) -> None:
    path = write_recipe(tmp_path, recipe)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    start = time.monotonic()
    ended = commands.run("train", path, "--run", whole)
    seconds = time.monotonic() - start
    assert ended.code == 0, ended.err.decode()
    random, kills = Random(0), 0
    while kills < KILLS:
        shutil.rmtree(killed, ignore_errors=True)
        of_this_run = 0
        while True:
            resume = ["--resume"] if (killed / "run.json").exists() else ["--overwrite"]
            running = commands.start("train", path, "--run", killed, *resume)
            if of_this_run < KILLS_OF_A_RUN:
                number = random.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
                end = running.poll()
                deadline = time.monotonic() + random.uniform(0, seconds * 0.8)
                while end is None and time.monotonic() < deadline:
                    time.sleep(0.001)
                    end = running.poll()
                if end is None:
                    running.kill(number)
                    end = running.wait()
                    kills += 1
                    of_this_run += 1
            else:
                end = running.wait()
            assert end.clean or end.code in (-signal.SIGKILL, -signal.SIGTERM), end.err.decode()
            if end.code == 0 or b"has ended" in end.err:
                break
        assert_equal(killed, whole)
