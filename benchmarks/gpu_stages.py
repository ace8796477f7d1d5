"""The stages of gpu.py: what each measures, and its time limit."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import torch
from backends import processor

import seqlstm
from seqlstm.config import Recipe
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.train import start

Values = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
WARMUP, PROFILED = 10, 5  # training steps
COSTLIEST = 15  # kernels that the profile lists
SMALL = (
    "threads=1",
    'data.splits={train="validation", validation="validation[:20]", test="validation[:20]"}',
    "data.batching.max_tokens=250",
    "model.embedding_dim=32",
    "model.hidden_size=64",
    "training.minutes=",
    f"training.steps={WARMUP + PROFILED}",
)
DECODERS = (
    '{kind="parallel", bridge=true}',
    '{kind="parallel", bridge=false}',
    '{kind="input-feeding", bridge=true}',
    '{kind="input-feeding", bridge=false}',
    '{kind="bahdanau", bridge=true}',
    '{kind="bahdanau", bridge=false}',
    '{kind="no-attention"}',
)


@dataclass(frozen=True)
class Setting:
    """Data and device of the stages.

    Attributes:
        runs: the folder of the run folders.
        data: the folder that holds `multi30k`.
        dry: small sizes and built-in data, on the CPU.
    """

    runs: Path
    data: Path
    dry: bool

    @property
    def device(self) -> str:
        return "cpu" if self.dry else "cuda"

    def recipe(self, *overrides: str, small: bool = False) -> Recipe:
        """The recipe of Multi30k, or, where sizes are small, of the built-in dates."""
        if small or self.dry:
            return read_recipe("dates-en-de", [*overrides, *SMALL, f"device={self.device}"])
        source = f'data.source="{self.data}/multi30k"'
        return read_recipe("multi30k-en-de", [source, f"device={self.device}", *overrides])


def machine(setting: Setting) -> Values:
    """Versions of the libraries, and the graphics card."""
    return {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "seqlstm": seqlstm.__version__,
        "card": processor() if setting.dry else torch.cuda.get_device_name(),
        "capability": None if setting.dry else list(torch.cuda.get_device_capability()),
    }


def tests(setting: Setting) -> Values:
    """The tests marked `cuda`; on a CPU one file, whose marked tests are skipped."""
    report = setting.runs / "tests.xml"
    which = ["tests/decoding/test_beam.py"] if setting.dry else ["--numprocesses=8"]
    command = [sys.executable, "-m", "pytest", "-m", "cuda", f"--junitxml={report}", *which]
    subprocess.run([*command, "-p", "no:cacheprovider"], cwd=ROOT, check=True)
    (suite,) = ElementTree.parse(report).getroot().iter("testsuite")
    return {name: int(suite.attrib[name]) for name in ("tests", "skipped", "failures", "errors")}


def decoders(setting: Setting) -> Values:
    """The training loss of every decoder, with and without bridge, after a few steps."""
    losses = {}
    for number, decoder in enumerate(DECODERS):
        print(decoder, flush=True)
        overrides = ("precision=float32", f"model.decoder={decoder}")
        recipe = setting.recipe(*overrides, small=True)
        losses[decoder] = train(recipe, setting.runs / f"decoder-{number}")["loss"]
    return {"losses": losses}


def profile(setting: Setting) -> Values:
    """Kernel launches of a training step, and the costliest kernels; on a CPU, operators."""
    ends = (f"training.steps={WARMUP + PROFILED}", "training.minutes=")
    recipe = setting.recipe(*ends, "training.validate_every=1000000")
    steps = start(recipe, setting.runs / "profile").run()
    list(islice(steps, WARMUP))
    with torch.profiler.profile() as profiler:
        list(islice(steps, PROFILED))
    events = list(profiler.key_averages())
    launches = sum(event.count for event in events if "LaunchKernel" in event.key)
    events = [event for event in events if not event.is_user_annotation]
    kernels = [event for event in events if event.device_type.name == "CUDA"] or events
    kernels.sort(key=self_time, reverse=True)
    return {
        "launches_per_step": launches / PROFILED,
        "kernels": [summarize(kernel) for kernel in kernels[:COSTLIEST]],
    }


def self_time(event: Any) -> float:
    """Microseconds of a profiler's event without its children."""
    on_gpu = event.device_type.name == "CUDA"
    return float(event.self_device_time_total if on_gpu else event.self_cpu_time_total)


def summarize(event: Any) -> Values:
    """Name, milliseconds and calls in a training step."""
    milliseconds = round(self_time(event) / 1000 / PROFILED, 3)
    return {"name": event.key[:80], "ms": milliseconds, "calls": event.count / PROFILED}


def lstm(setting: Setting) -> Values:
    """A minute of training with an LSTM and large batches."""
    overrides = ('model.cell={kind="lstm"}', "data.batching.max_tokens=8192")
    return train(setting.recipe(*overrides, "training.minutes=1"), setting.runs / "train")


def cifg(setting: Setting) -> Values:
    """Half a minute of training with the coupled gates of the recipe."""
    overrides = ('model.cell={kind="cifg"}', "training.minutes=0.5")
    return train(setting.recipe(*overrides), setting.runs / "cifg")


def train(recipe: Recipe, run: Path) -> Values:
    """Train to the recipe's end. Speed is the median over steps."""
    prepared = start(recipe, run)
    print(*prepared.notes, sep="\n", flush=True)
    reports = list(prepared.run())
    steps = [report.values for report in reports if report.kind == "step"]
    return {
        "steps": reports[-1].step,
        "epochs": round(reports[-1].epochs, 2),
        "loss": steps[-1]["loss"],
        "tokens_per_second": statistics.median(step["tokens_per_second"] for step in steps),
        "peak_memory_mib": torch.cuda.max_memory_allocated() / 2**20,
        "notes": prepared.notes,
    }


def evaluate(setting: Setting) -> Values:
    """BLEU and speed of beam search, of the run that the stage `train` leaves."""
    command = [sys.executable, "-m", "seqlstm", "evaluate", str(setting.runs / "train")]
    options = ["--device", setting.device, "--json"]
    output = subprocess.run([*command, *options], check=True, stdout=subprocess.PIPE).stdout
    scores = json.loads(output)
    names = ("bleu", "chrf", "sentences", "sentences_per_second", "signatures")
    return {name: scores[name] for name in names}


@dataclass(frozen=True)
class Stage:
    """A measurement, and its time limit in seconds."""

    measure: Callable[[Setting], Values]
    limit: float


STAGES = {
    "machine": Stage(machine, 30),
    "tests": Stage(tests, 150),
    "decoders": Stage(decoders, 60),
    "profile": Stage(profile, 60),
    "train": Stage(lstm, 110),
    "evaluate": Stage(evaluate, 40),  # reads the run of `train`
    "cifg": Stage(cifg, 50),
}
