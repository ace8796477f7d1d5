"""How many sentences a second a trained translator translates, from raw text to raw text.

By beam search and greedily in batches, and one sentence at a time as somebody waits for it; in
float32 and in the precision that `auto` chooses. All of these in turn, round by round.

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
"""Lines, beam width and lines a batch to translations."""

WIDTH, BATCH = 5, 64
BATCHED = {
    f"beam {WIDTH}, batches of {BATCH}": WIDTH,
    f"greedy, batches of {BATCH}": 1,
}
ALONE = f"beam {WIDTH}, one at a time"


@dataclass
class Measured:
    """What the rounds of one system in one way gave.

    Attributes:
        seconds: of each round.
        waits: of each sentence, where they are translated one at a time.
        tokens: pieces of all translations.
    """

    seconds: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    tokens: int = 0

    def row(self, sentences: int) -> str:
        speeds = [sentences / seconds for seconds in self.seconds]
        middle = statistics.median(speeds)
        cells = [
            f"{middle:,.1f} ({min(speeds):,.1f} to {max(speeds):,.1f})",
            f"{middle * self.tokens / sentences:,.0f}",
            "",
        ]
        if self.waits:
            low, wait, high = (1000 * one for one in statistics.quantiles(self.waits, n=4))
            cells[-1] = f"{wait:.1f} ({low:.1f} to {high:.1f})"
        return " | ".join(cells)


def ours(run: Path) -> dict[str, LoadedTranslator]:
    """A trained translator on the CPU, by precision: in float32 and what `auto` chooses."""
    by_precision = {}
    for precision in ("float32", "auto"):
        loaded = load(run, device="cpu", precision=precision)
        if not isinstance(loaded, LoadedTranslator):
            raise SystemExit(f"{run} is a language model; a translator is wanted")
        by_precision[loaded.precision.name] = loaded
    return by_precision


def as_function(loaded: LoadedTranslator) -> Translate:
    return lambda lines, width, batch: loaded.translate(lines, width=width, batch=batch)


def measure(
    translate: Translate, lines: Sequence[str], found: dict[str, Measured]
) -> dict[str, list[str]]:
    """One round of a system, every way. Gives the translations."""
    translations: dict[str, list[str]] = {}
    for way, width in BATCHED.items():
        began = time.perf_counter()
        translations[way] = translate(lines, width, BATCH)
        found[way].seconds.append(time.perf_counter() - began)
    translations[ALONE], waits = [], []
    for line in lines:
        began = time.perf_counter()
        translations[ALONE] += translate([line], WIDTH, 1)
        waits.append(time.perf_counter() - began)
    found[ALONE].seconds.append(sum(waits))
    found[ALONE].waits += waits
    return translations


def table(found: dict[str, dict[str, Measured]], sentences: int) -> str:
    """Way by way, the systems one below the other."""
    lines = [
        "| system | search | sentences a second (rounds) | tokens a second | ms a sentence |",
        "|---|---|---|---|---|",
    ]
    for way in (*BATCHED, ALONE):
        lines += [f"| {name} | {way} | {found[name][way].row(sentences)} |" for name in found]
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
    # Like lengths together, as ours would put them; Joey NMT takes lines as they come.
    lines = sorted((line for line, _ in corpus.pairs), key=len)
    loaded = ours(arguments.run)
    systems = {f"ours, {precision}": as_function(one) for precision, one in loaded.items()}
    if arguments.joeynmt:
        systems["Joey NMT, float32"] = joey_nmt.load(arguments.joeynmt)
    tokenizer = loaded["float32"].tokenizers.target
    found = {name: {way: Measured() for way in (*BATCHED, ALONE)} for name in systems}
    for translate in systems.values():
        for width in (1, WIDTH):
            translate(lines[-BATCH:], width, BATCH)  # to warm up
    for _ in range(arguments.rounds):
        for name, translate in systems.items():
            for way, translations in measure(translate, lines, found[name]).items():
                found[name][way].tokens = sum(map(len, tokenizer.encode_batch(translations)))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {processor()}")
    print(f"{corpus.name} {corpus.split}: {len(lines):,} sentences, {arguments.rounds} rounds")
    if len(loaded) == 1:
        print("auto chooses float32 on this machine")
    print(f"\n{table(found, len(lines))}")


if __name__ == "__main__":
    main()
