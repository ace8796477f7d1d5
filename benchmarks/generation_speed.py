"""Generation speed of a language model in tokens a second: of one text, and of many in a batch.

Without a run it is an untrained model of the given size, which costs the same. All settings run in
turn, round by round; the speed is the median of the rounds. `--endless` generates so many tokens in
one batch and prints the memory before and after.

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
    """An untrained model: embeddings as wide as the layers, tied to the output layer."""
    embedding = TokenEmbedding(vocabulary, hidden)
    return LanguageModel(
        embedding=embedding,
        stack=Stack(LSTM, input_size=hidden, hidden_size=hidden, num_layers=layers),
        output_layer=OutputLayer(hidden, vocabulary, tied_embedding=embedding.table),
    ).eval()


def generate(model: LanguageModel, precision: Precision, *, rows: int, pieces: int) -> None:
    """Sample so many tokens in every row, at temperature 1."""

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        with precision.autocast():
            logits, state = model.advance(token, state)
        return logits.float(), state

    token = torch.zeros(rows, dtype=torch.long)
    tokens = sample_tokens(
        advance, token=token, state=model.initial_state(rows), sampler=make_sampler()
    )
    for _ in itertools.islice(tokens, pieces):
        pass


def resident_memory() -> float:
    """Resident memory of this process in MiB, on Linux."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096 / 2**20


def speed(run: Callable[[], None], pieces: int) -> float:
    """Tokens a second."""
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
    arguments = parser.parse_args()
    tune_allocator()
    if arguments.run:
        model = load(arguments.run).model
        assert isinstance(model, LanguageModel)
    else:
        sizes = {name: getattr(arguments, name) for name in ("hidden", "layers", "vocabulary")}
        model = untrained(**sizes)
    size = sum(parameter.numel() for parameter in model.parameters())
    print(f"{size:,} parameters; torch {torch.__version__}, {processor()}")
    auto = choose_precision("auto", torch.device("cpu"))
    if arguments.endless:
        generate(model, auto, rows=arguments.rows, pieces=50)
        before = resident_memory()
        generate(model, auto, rows=arguments.rows, pieces=-(-arguments.endless // arguments.rows))
        after = resident_memory()
        print(f"{arguments.endless:,} pieces: {before:,.1f} MiB before, {after:,.1f} MiB after")
        return
    full = choose_precision("float32", torch.device("cpu"))
    settings = {
        (precision.name, rows): partial(
            generate, model, precision, rows=rows, pieces=arguments.pieces
        )
        for precision in (full, auto)
        for rows in (1, arguments.rows)
    }
    for run in settings.values():
        run()
    speeds: dict[tuple[str, int], list[float]] = {setting: [] for setting in settings}
    for _ in range(arguments.rounds):
        for (name, rows), run in settings.items():
            speeds[name, rows].append(speed(run, rows * arguments.pieces))
    for (name, rows), rounds in speeds.items():
        spread = f"{min(rounds):,.0f} to {max(rounds):,.0f}"
        print(
            f"{name}, {rows} at once: {statistics.median(rounds):,.0f} pieces a second ({spread})"
        )


if __name__ == "__main__":
    main()
