"""Forward and backward times of the backends, as ratios to `torch.nn.LSTM` in float32.

Both sides of a ratio run in turn in one process, with the same allocator settings and shapes (the
inputs as wide as the hidden state), and with gradients of inputs and of every parameter. "naive" is
an autograd loop that projects one input at a time; the backend "loop" projects all at once.

    python benchmarks/backends.py                       # every kind
    python benchmarks/backends.py lstm peephole         # some kinds
    python benchmarks/backends.py --memory              # peak memory instead, each in a process
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import product
from pathlib import Path

import torch
from torch import Tensor, nn

from seqlstm.recurrent.backends import BACKENDS, Call
from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.state import State
from seqlstm.runtime.memory import tune_allocator

SHAPES = ((35, 64, 512), (64, 32, 256))  # time, batch, hidden
CASES: dict[str, dict[str, object]] = {
    "lstm": {"kind": "lstm"},
    "lstm-1997": {"kind": "lstm-1997"},
    "peephole": {"kind": "peephole"},
    "peephole cell": {"kind": "peephole", "recurrence": "cell"},
    "cifg": {"kind": "cifg"},
    **{
        f"odyssey {variant}": {"kind": "odyssey", "variant": variant}
        for variant in ("V", "NIG", "NFG", "NOG", "NIAF", "NOAF", "CIFG", "NP", "FGR")
    },
    "gru": {"kind": "gru"},
    "gru before": {"kind": "gru", "reset": "before"},
    "elman": {"kind": "elman"},
    "time-aware": {"kind": "time-aware"},
    "slstm": {"kind": "slstm", "heads": 4},
    "slstm 1 head": {"kind": "slstm", "heads": 1},
    "mlstm": {"kind": "mlstm", "heads": 4},
    "mingru": {"kind": "mingru"},
    "minlstm": {"kind": "minlstm"},
    "layer-norm": {"kind": "layer-norm"},
    "mogrifier": {"kind": "mogrifier"},
    "multiplicative": {"kind": "multiplicative"},
    "convolutional": {"kind": "convolutional", "extent": [16]},
}
Pass = Callable[[], None]

PRECISIONS = ("float32", "bfloat16")


def processor() -> str:
    """The processor's name; its architecture where the system has no name."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def build(name: str, hidden: int) -> nn.Module:
    """The cell of a case, or `nn.LSTM`."""
    torch.manual_seed(1)
    if name == "torch":
        return nn.LSTM(hidden, hidden)
    options = dict(CASES[name])
    return CELLS[str(options.pop("kind"))](hidden, hidden, **options)


def make_pass(name: str, backend: str, precision: str, shape: tuple[int, int, int]) -> Pass:
    """One forward and backward pass."""
    time_steps, batch, hidden = shape
    module = build(name, hidden)
    inputs = torch.randn(time_steps, batch, hidden, requires_grad=True)
    gradient = torch.randn(time_steps, batch, hidden)

    def forward() -> Tensor:
        if isinstance(module, Cell):
            state = module.initial_state(batch)
            if backend == "naive":
                return naive(module, inputs, state)
            return BACKENDS[backend].run(module, inputs, state)[0]
        outputs: Tensor = module(inputs)[0]
        return outputs

    def run() -> None:
        bfloat16 = torch.autocast("cpu", torch.bfloat16)
        with bfloat16 if precision == "bfloat16" else nullcontext():
            outputs = forward()
        torch.autograd.backward(outputs, gradient.to(outputs.dtype))
        for parameter in (inputs, *module.parameters()):
            parameter.grad = None

    return run


def naive(cell: Cell, inputs: Tensor, state: State) -> Tensor:
    """An autograd loop that projects one input at a time."""
    outputs = []
    for step in torch.split(inputs, 1):
        output, state = cell.step(cell.project(step)[0], state)
        outputs.append(output)
    return torch.stack(outputs)


def supporting(name: str) -> Iterator[str]:
    """The backends that support a case, the loop last, and the naive loop."""
    cell = build(name, 64)
    assert isinstance(cell, Cell)
    for backend, instance in BACKENDS.items():
        if instance.unsupported_reason(cell, Call()) is None:
            yield backend
    yield "naive"


def time_quartiles(passes: dict[str, Pass], repeats: int) -> dict[str, list[float]]:
    """Quartiles of the seconds of each pass; the passes run in turn."""
    times: dict[str, list[float]] = {label: [] for label in passes}
    for repeat in range(repeats + 2):
        for label, run in passes.items():
            began = time.perf_counter()
            run()
            if repeat >= 2:  # the first two warm up
                times[label].append(time.perf_counter() - began)
    return {label: statistics.quantiles(seconds, n=4) for label, seconds in times.items()}


def time_case(name: str, shape: tuple[int, int, int], repeats: int) -> None:
    """Print the times and ratios of a case."""
    passes = {"torch float32": make_pass("torch", "", "float32", shape)}
    if name == "lstm":
        passes["torch bfloat16"] = make_pass("torch", "", "bfloat16", shape)
    for backend in supporting(name):
        for precision in PRECISIONS:
            passes[f"{backend} {precision}"] = make_pass(name, backend, precision, shape)
    quartiles = time_quartiles(passes, repeats)
    for label, (first, median, third) in quartiles.items():
        if label == "torch float32" and name != "lstm":
            continue
        ratio = median / quartiles["torch float32"][1]
        gain = quartiles[f"naive {label.split()[1]}"][1] / median
        spread = f"{1000 * median:.1f} ({1000 * first:.1f} to {1000 * third:.1f})"
        print(f"| {name} | {label} | {spread} | {ratio:.2f} | {gain:.2f} |", flush=True)


def peak(name: str, backend: str, precision: str, shape: tuple[int, int, int]) -> float:
    """Peak memory that two passes add to the process, in MiB."""
    run = make_pass(name, backend, precision, shape)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run()
    run()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def time_cases(names: list[str], repeats: int) -> None:
    """Print a table of times for each shape."""
    for shape in SHAPES:
        print("\nT {} · B {} · H {}".format(*shape))
        print("| cell | backend | ms (quartiles) | ÷ nn.LSTM float32 | naive ÷ it |")
        print("|---|---|---|---|---|")
        for name in names:
            time_case(name, shape, repeats)


def measure_memory(names: list[str]) -> None:
    """Print a table of peak memory, each measured in a process of its own."""
    print("T {} · B {} · H {}".format(*SHAPES[0]))
    print("| cell | backend | MiB | ÷ nn.LSTM float32 |\n|---|---|---|---|")
    runs = list(product(["torch"], ["nn.LSTM"], ["float32"]))
    runs += [run for name in names for run in product([name], supporting(name), PRECISIONS)]
    reference = 0.0
    for cell, backend, precision in runs:
        command = [sys.executable, __file__, "--peak", cell, backend, precision]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        reference = reference or float(output)
        cells = [cell, f"{backend} {precision}", f"{float(output):.0f}"]
        print("|", " | ".join([*cells, f"{float(output) / reference:.2f}"]), "|", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="CELL", help=", ".join(CASES))
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--memory", action="store_true", help="peak memory, not time")
    parser.add_argument("--peak", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    tune_allocator()
    if arguments.peak:
        name, backend, precision = arguments.peak
        print(peak(name, backend, precision, SHAPES[0]))
        return
    names = arguments.names or list(CASES)
    if unknown := [name for name in names if name not in CASES]:
        parser.error(f"no cell {', '.join(unknown)}; there are {', '.join(CASES)}")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {processor()}")
    if arguments.memory:
        measure_memory(names)
    else:
        time_cases(names, arguments.repeats)


if __name__ == "__main__":
    main()
