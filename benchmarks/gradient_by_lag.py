"""Gradient norm by lag in back-propagation through time: vanishing gradients, measured.

The norm of the gradient of the last output with respect to the input `lag` steps before it, as a
share of that at lag 0. It vanishes for the simple recurrent network (Hochreiter, 1991; Bengio,
Simard & Frasconi, 1994); the LSTM was designed to keep it level.

    python benchmarks/gradient_by_lag.py --picture gradient.png
    python benchmarks/gradient_by_lag.py --run runs/long-lag        # a trained language model too
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.recipe.load import load
from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.layer import Recurrent

LAGS = (0, 1, 2, 5, 10, 20, 50, 100, 200)
ROWS = 32  # sequences whose gradients are averaged
BEFORE = 400  # steps before the first lag: a state that is still filling passes on more gradient
CELL_OPTIONS: dict[str, tuple[str, dict[str, object]]] = {
    "elman": ("elman", {}),
    "gru": ("gru", {}),
    "lstm, forget bias 0": ("lstm", {"forget_bias": 0.0}),
    "lstm, forget bias 1": ("lstm", {}),
    "lstm, forget bias 5": ("lstm", {"forget_bias": 5.0}),
    "lstm-1997 (no forget gate)": ("lstm-1997", {}),
    "slstm": ("slstm", {}),
    "mingru": ("mingru", {}),
}


def norms_by_lag(layer: Callable[[Tensor], Tensor], inputs: Tensor) -> list[float]:
    """The gradient's norm by lag, averaged over rows, as a share of that at lag 0.

    The last output is projected on a random direction, the same for all lags.

    Args:
        layer: (time, batch, width) -> (time, batch, hidden).
        inputs: (time, batch, width), of which the first `BEFORE` steps are not reported.
    """
    inputs = inputs.clone().requires_grad_()
    last = layer(inputs)[-1]
    (gradient,) = torch.autograd.grad((last * torch.randn_like(last)).sum(), inputs)
    by_step = gradient[BEFORE:].norm(dim=-1).mean(dim=1).flip(0)  # (time,), the last step first
    return [float(norm) for norm in by_step / by_step[0]]


def untrained(kind: str, options: dict[str, object], *, hidden: int, steps: int) -> list[float]:
    """The curve of an untrained cell."""
    torch.manual_seed(1)
    layer = Recurrent(CELLS[kind](hidden, hidden, **options), backend="loop").double()
    inputs = torch.randn(steps, ROWS, hidden, dtype=torch.float64)
    return norms_by_lag(lambda sequence: layer(sequence)[0], inputs)


def trained(run: Path, *, steps: int) -> list[float]:
    """The curve of a trained language model, on random ids of its vocabulary."""
    loaded = load(run, weights="last", device="cpu")
    if not isinstance(loaded, LoadedLanguageModel):
        raise SystemExit(f"{run} is a translator, not a language model")
    torch.manual_seed(1)
    model = loaded.model.double()
    ids = torch.randint(model.embedding.table.num_embeddings, (ROWS, steps))
    with torch.no_grad():
        inputs = model.embedding(ids)
    return norms_by_lag(lambda sequence: model.stack(sequence)[0], inputs)


def table(curves: dict[str, list[float]]) -> str:
    """A table in Markdown: a row for each curve, a column for each lag."""
    width = max(map(len, curves))
    lines = [f"| {'lag':{width}} | " + " | ".join(f"{lag:>7}" for lag in LAGS) + " |"]
    lines.append("|" + "---|" * (len(LAGS) + 1))
    for name, curve in curves.items():
        values = " | ".join(f"{curve[lag]:7.0e}" for lag in LAGS)
        lines.append(f"| {name:{width}} | {values} |")
    return "\n".join(lines)


def plot(curves: dict[str, list[float]], file: Path) -> None:
    """Plot the curves into a file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for name, curve in curves.items():
        axis.plot(curve, label=name)
    axis.set(xlabel="lag in steps", ylabel="gradient's norm, as a share of that at lag 0")
    axis.set(yscale="log", ylim=(1e-12, 1e2))
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(file, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--run", type=Path, action="append", default=[], help="a trained one too")
    parser.add_argument("--picture", type=Path, help="a file to plot the curves into")
    arguments = parser.parse_args()
    steps = BEFORE + LAGS[-1] + 1
    curves = {
        name: untrained(kind, options, hidden=arguments.hidden, steps=steps)
        for name, (kind, options) in CELL_OPTIONS.items()
    }
    curves |= {str(run): trained(run, steps=steps) for run in arguments.run}
    print(f"hidden {arguments.hidden}, {ROWS} random sequences, after {BEFORE} steps, float64")
    print(table(curves))
    if arguments.picture:
        plot(curves, arguments.picture)


if __name__ == "__main__":
    main()
