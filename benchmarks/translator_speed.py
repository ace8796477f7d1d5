"""How many target tokens a second the translator trains on, at Joey NMT's size, and beside it.

A two-layer bidirectional LSTM encoder of 256 a direction and a two-layer decoder of 512, embeddings
of 256, 6,000 joint pieces, batches of 2,500 tokens: the whole step, as `seqlstm train` runs it, on
a CPU. Then where such a step's time goes.

Where `joeynmt` is installed, its recurrent model (Luong's attention, input feeding, float32) trains
in turn with ours, round by round, in the same process, with the same setting of the allocator and
on the same batches, which come from our data pipeline.

    python benchmarks/translator_speed.py                        # sentences made up here
    python benchmarks/translator_speed.py --source ../multi30k   # a folder with columns en, de
    python benchmarks/translator_speed.py precision=float32      # ours as Joey NMT computes
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

import joey_nmt
import torch
from engines import processor
from parts import time_parts

from seqlstm.data.buckets import Buckets
from seqlstm.recipe.find import read_recipe
from seqlstm.recipe.train import Prepared, start

WARMUP = 5
JOEY_NMT = [
    "model.width=256",
    "model.hidden=512",
    "model.layers=2",
    "tokenizer.vocabulary=6000",
    "data.layout.tokens=2500",
    "training.minutes=",
    "training.epochs=100",
    "training.validate_every=",
    "training.save_every=1000000",
    "device=cpu",
]


@dataclass
class System:
    """What trains, and what was measured of it.

    Attributes:
        steps: each gives its target tokens when it is done.
        rounds: of each step the tokens and the seconds.
    """

    steps: Iterator[int]
    rounds: list[list[tuple[int, float]]] = field(default_factory=list)

    def run(self, count: int) -> list[tuple[int, float]]:
        """So many steps."""
        timed = []
        for _ in range(count):
            began = time.perf_counter()
            tokens = next(self.steps)
            timed.append((tokens, time.perf_counter() - began))
        return timed

    def report(self, name: str) -> str:
        every = [step for steps in self.rounds for step in steps]
        by_step = [tokens / seconds for tokens, seconds in every]
        low, middle, high = statistics.quantiles(by_step, n=4)
        rounds = " ".join(f"{speed(steps):,.0f}" for steps in self.rounds)
        return (
            f"{name}: {speed(every):,.0f} target tokens a second (by round {rounds}; "
            f"by step: median {middle:,.0f}, quartiles {low:,.0f} and {high:,.0f}), "
            f"{1000 * sum(seconds for _, seconds in every) / len(every):,.1f} ms a step"
        )


def speed(steps: Sequence[tuple[int, float]]) -> float:
    """Target tokens a second over some steps."""
    return sum(tokens for tokens, _ in steps) / sum(seconds for _, seconds in steps)


def ours(prepared: Prepared) -> Iterator[int]:
    for one in prepared.run():
        if one.kind == "step":
            yield int(one.values["tokens"])


def joeys(prepared: Prepared, folder: Path) -> Iterator[int]:
    """Joey NMT's steps, on the same batches."""
    batches = copy(prepared.loop.batches)
    assert isinstance(batches, Buckets)
    return joey_nmt.train(batches, batches.tokenizer, folder)


def made_up(folder: Path, *, rows: int = 20_000) -> None:
    """Parallel sentences of made-up words, as long as image captions are, Zipf-distributed."""
    draw = random.Random(1)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(16000)]
    weights = [1 / (rank + 2) for rank in range(len(words))]
    for side in ("en", "de"):
        lines = (
            " ".join(draw.choices(words, weights, k=max(4, round(draw.gauss(11, 3.5)))))
            for _ in range(rows)
        )
        (folder / f"train.{side}").write_text("\n".join(lines) + "\n", encoding="utf-8")


def train_in_turn(systems: dict[str, System], *, rounds: int, steps: int) -> None:
    """Each in turn, round by round; then what was measured, and the ratio to the last."""
    for system in systems.values():
        system.run(WARMUP)
    for _ in range(rounds):
        for system in systems.values():
            system.rounds.append(system.run(steps))
    for name, system in systems.items():
        print(system.report(name))
    if len(systems) == 1:
        print("joeynmt is not installed: ours alone")
        return
    pairs = zip(*(system.rounds for system in systems.values()), strict=True)
    ratios = [speed(our_steps) / speed(their_steps) for our_steps, their_steps in pairs]
    print(f"ratio by round: {' '.join(f'{ratio:.2f}' for ratio in ratios)}", end=", ")
    print(f"median {statistics.median(ratios):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", help="a folder or Hub id with the columns en and de")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60, help="of a round")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="of our recipe")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = f'data.source="{arguments.source}"'
        if arguments.source is None:
            made_up(folder)
            source = f'data.source={{train=["{folder}/train.en", "{folder}/train.de"]}}'
        recipe = read_recipe("multi30k-en-de", [*JOEY_NMT, source, *arguments.overrides])
        prepared = start(recipe, folder / "run")
        systems = {"ours": System(ours(prepared))}
        if joey_nmt.INSTALLED:
            systems["Joey NMT"] = System(joeys(prepared, folder / "joeynmt"))
        for line in prepared.notes:
            print(line)
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {processor()}")
        train_in_turn(systems, rounds=arguments.rounds, steps=arguments.steps)
        print("\nOurs, part by part:")
        print(time_parts(prepared.loop, steps=arguments.steps, warmup=WARMUP))


if __name__ == "__main__":
    main()
