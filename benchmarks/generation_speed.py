"""How many pieces a second a language model writes: one text as it streams, and many side by side.

With a run, that; without, an untrained model of the given size over random ids, which costs the
same. All ways take turns, round by round; the rate is the median of the rounds. `--endless` writes
so many pieces in one batch and tells how memory grew.

    python benchmarks/generation_speed.py                            # ten million parameters
    python benchmarks/generation_speed.py RUN --rows 64
    python benchmarks/generation_speed.py --endless 1000000
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from backends import processor
from torch import Tensor

from seqlstm.decoding.logits import make_sampler
from seqlstm.decoding.sampling import sample_tokens
from seqlstm.models.embedding import TokenEmbedding
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.output.softmax import OutputLayer
from seqlstm.recipe.load import load
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.stack import Stack
from seqlstm.recurrent.state import State
from seqlstm.runtime.device import Precision, choose_precision
from seqlstm.runtime.memory import tune_allocator


def untrained(*, hidden: int, layers: int, vocabulary: int) -> LanguageModel:
    """Embeddings as wide as the layers, and tied to the readout."""
    embedding = TokenEmbedding(vocabulary, hidden)
    return LanguageModel(
        embedding=embedding,
        stack=Stack(LSTM, width=hidden, hidden=hidden, layers=layers),
        output_layer=OutputLayer(hidden, vocabulary, tied_embedding=embedding.table),
    ).eval()


def write(model: LanguageModel, precision: Precision, *, rows: int, pieces: int) -> None:
    """So many pieces in every row, drawn at temperature 1."""

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        with precision.autocast():
            logits, state = model.advance(token, state)
        return logits.float(), state

    token = torch.zeros(rows, dtype=torch.long)
    drawn = sample_tokens(
        advance, token=token, state=model.initial_state(rows), choose=make_sampler()
    )
    for _ in itertools.islice(drawn, pieces):
        pass


def resident() -> float:
    """Memory of this process, in MB, as Linux tells it."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096 / 2**20


def rate(run: Callable[[], None], pieces: int) -> float:
    began = time.perf_counter()
    run()
    return pieces / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="?", type=Path, help="a language model's run folder")
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--vocabulary", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=64, help="texts side by side")
    parser.add_argument("--pieces", type=int, default=300, help="in each row, a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--endless", type=int, help="pieces in all, in one batch: memory")
    asked = parser.parse_args()
    tune_allocator()
    if asked.run:
        model = load(asked.run).model
        assert isinstance(model, LanguageModel)
    else:
        sizes = {name: getattr(asked, name) for name in ("hidden", "layers", "vocabulary")}
        model = untrained(**sizes)
    size = sum(parameter.numel() for parameter in model.parameters())
    print(f"{size:,} parameters; torch {torch.__version__}, {processor()}")
    auto = choose_precision("auto", torch.device("cpu"))
    if asked.endless:
        write(model, auto, rows=asked.rows, pieces=50)
        before = resident()
        write(model, auto, rows=asked.rows, pieces=-(-asked.endless // asked.rows))
        print(f"{asked.endless:,} pieces: {before:,.1f} MB before, {resident():,.1f} MB after")
        return
    full = choose_precision("float32", torch.device("cpu"))
    ways = {
        (precision.name, rows): partial(write, model, precision, rows=rows, pieces=asked.pieces)
        for precision in (full, auto)
        for rows in (1, asked.rows)
    }
    for run in ways.values():
        run()
    rates: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
    for _ in range(asked.rounds):
        for (name, rows), run in ways.items():
            rates[name, rows].append(rate(run, rows * asked.pieces))
    for (name, rows), found in rates.items():
        spread = f"{min(found):,.0f} to {max(found):,.0f}"
        print(f"{name}, {rows} at once: {statistics.median(found):,.0f} pieces a second ({spread})")


if __name__ == "__main__":
    main()
