"""Decoding speed of a trained translator in sentences a second, from raw text to raw text.

By beam search and by greedy search in batches, and one sentence at a time, for the latency; in
float32 and in the precision that `auto` chooses. All of these run in turn, round by round.

    python benchmarks/decoding_speed.py RUN --source FOLDER --split test
    python benchmarks/decoding_speed.py RUN --source FOLDER --joeynmt DIR   # Joey NMT too
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import joey_nmt
import torch
from backends import processor

from seqlstm.inference.translator import LoadedTranslator
from seqlstm.recipe.load import load
from seqlstm.recipe.read import read_run_recipe
from seqlstm.recipe.splits import read_split
from seqlstm.run.folder import RunFolder
from seqlstm.runtime.memory import tune_allocator

Translate = Callable[[Sequence[str], int, int], list[str]]
"""From lines, beam size and lines a batch to translations."""

BEAM_SIZE, BATCH = 5, 64
BATCHED = {
    f"beam {BEAM_SIZE}, batches of {BATCH}": BEAM_SIZE,
    f"greedy, batches of {BATCH}": 1,
}
ONE_BY_ONE = f"beam {BEAM_SIZE}, one at a time"


@dataclass
class Measurement:
    """Times of a system in one kind of search.

    Attributes:
        seconds: of each round.
        latencies: seconds of each sentence, where they are translated one at a time.
        tokens: pieces of all translations.
    """

    seconds: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    tokens: int = 0

    def row(self, sentences: int) -> str:
        """Cells of the table: speeds in sentences and tokens a second, and the latency."""
        speeds = [sentences / seconds for seconds in self.seconds]
        median = statistics.median(speeds)
        cells = [
            f"{median:,.1f} ({min(speeds):,.1f} to {max(speeds):,.1f})",
            f"{median * self.tokens / sentences:,.0f}",
            "",
        ]
        if self.latencies:
            low, middle, high = (1000 * t for t in statistics.quantiles(self.latencies, n=4))
            cells[-1] = f"{middle:.1f} ({low:.1f} to {high:.1f})"
        return " | ".join(cells)


def ours(run: Path) -> dict[str, LoadedTranslator]:
    """A trained translator on the CPU, by precision: in float32 and what `auto` chooses."""
    by_precision = {}
    for precision in ("float32", "auto"):
        loaded = load(run, device="cpu", precision=precision)
        if not isinstance(loaded, LoadedTranslator):
            raise SystemExit(f"{run} is a language model, not a translator")
        by_precision[loaded.precision.name] = loaded
    return by_precision


def as_function(loaded: LoadedTranslator) -> Translate:
    """Its method `translate`, with the arguments in order."""
    return lambda lines, beam_size, batch: loaded.translate(lines, beam_size=beam_size, batch=batch)


def measure(
    translate: Translate, lines: Sequence[str], measurements: dict[str, Measurement]
) -> dict[str, list[str]]:
    """One round of a system, in every kind of search. Returns the translations by search."""
    translations: dict[str, list[str]] = {}
    for search, beam_size in BATCHED.items():
        began = time.perf_counter()
        translations[search] = translate(lines, beam_size, BATCH)
        measurements[search].seconds.append(time.perf_counter() - began)
    translations[ONE_BY_ONE], latencies = [], []
    for line in lines:
        began = time.perf_counter()
        translations[ONE_BY_ONE] += translate([line], BEAM_SIZE, 1)
        latencies.append(time.perf_counter() - began)
    measurements[ONE_BY_ONE].seconds.append(sum(latencies))
    measurements[ONE_BY_ONE].latencies += latencies
    return translations


def table(measurements: dict[str, dict[str, Measurement]], sentences: int) -> str:
    """A table in Markdown: for each kind of search, a row for each system."""
    lines = [
        "| system | search | sentences a second (rounds) | tokens a second | ms a sentence |",
        "|---|---|---|---|---|",
    ]
    for search in (*BATCHED, ONE_BY_ONE):
        for name, by_search in measurements.items():
            lines.append(f"| {name} | {search} | {by_search[search].row(sentences)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the folder of a trained translator")
    parser.add_argument("--source", help="other data than the recipe's, with the same columns")
    parser.add_argument("--split", default="test", help="or a part of it, as in test[:100]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--joeynmt", type=Path, metavar="DIR", help="a model directory of its own")
    arguments = parser.parse_args()
    if arguments.joeynmt and not joey_nmt.INSTALLED:
        parser.error("joeynmt is not installed")
    tune_allocator()
    recipe = read_run_recipe(RunFolder.open(arguments.run))
    corpus = read_split(recipe.data, arguments.split, source=arguments.source)
    # Sorted by length, as ours sorts them anyway; Joey NMT keeps the order of the lines.
    lines = sorted((line for line, _ in corpus.pairs), key=len)
    loaded = ours(arguments.run)
    systems = {f"ours, {precision}": as_function(model) for precision, model in loaded.items()}
    if arguments.joeynmt:
        systems["Joey NMT, float32"] = joey_nmt.load(arguments.joeynmt)
    tokenizer = loaded["float32"].tokenizers.target
    searches = (*BATCHED, ONE_BY_ONE)
    measurements = {name: {search: Measurement() for search in searches} for name in systems}
    for translate in systems.values():
        for beam_size in (1, BEAM_SIZE):
            translate(lines[-BATCH:], beam_size, BATCH)  # to warm up
    for _ in range(arguments.rounds):
        for name, translate in systems.items():
            for search, translations in measure(translate, lines, measurements[name]).items():
                tokens = sum(map(len, tokenizer.encode_batch(translations)))
                measurements[name][search].tokens = tokens
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {processor()}")
    print(f"{corpus.name} {corpus.split}: {len(lines):,} sentences, {arguments.rounds} rounds")
    if len(loaded) == 1:
        print("auto chooses float32 on this machine")
    print(f"\n{table(measurements, len(lines))}")


if __name__ == "__main__":
    main()
