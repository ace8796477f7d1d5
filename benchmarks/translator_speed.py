"""How many target tokens a second the translator trains on, at Joey NMT's size.

A two-layer bidirectional LSTM encoder of 256 a direction and a two-layer decoder of 512, embeddings
of 256, 6,000 joint pieces, batches of 2,500 tokens: the whole step, as `seqlstm train` runs it.

    python benchmarks/translator_speed.py                        # sentences made up here
    python benchmarks/translator_speed.py --source ../multi30k   # a folder with columns en, de
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import tempfile
from itertools import islice
from pathlib import Path

import torch

from seqlstm.recipe.find import read_recipe
from seqlstm.recipe.train import start

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
]


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", help="a folder or Hub id with the columns en and de")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="of the recipe")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = f'data.source="{arguments.source}"'
        if arguments.source is None:
            made_up(folder)
            source = f'data.source={{train=["{folder}/train.en", "{folder}/train.de"]}}'
        recipe = read_recipe("multi30k-en-de", [*JOEY_NMT, source, *arguments.overrides])
        prepared = start(recipe, folder / "run")
        steps = (one for one in prepared.run() if one.kind == "step")
        measured = list(islice(steps, WARMUP, WARMUP + arguments.steps))
    speeds = [one.values["tokens_per_second"] for one in measured]
    tokens = sum(one.values["tokens"] for one in measured)
    seconds = sum(one.values["tokens"] / one.values["tokens_per_second"] for one in measured)
    low, middle, high = statistics.quantiles(speeds, n=4)
    for line in prepared.notes:
        print(line)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}")
    print(f"target tokens a second over {len(speeds)} steps: {tokens / seconds:,.0f} in all")
    print(f"by step: median {middle:,.0f}, quartiles {low:,.0f} and {high:,.0f}")


if __name__ == "__main__":
    main()
