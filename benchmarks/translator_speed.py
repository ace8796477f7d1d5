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
import tempfile
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import joey_nmt
import torch
from backends import processor
from parts import time_parts
from turns import WARMUP, System, train_in_turn

from seqlstm.data.batching.buckets import BucketBatches
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.train import Prepared, start

JOEY_NMT = [
    "model.embedding_dim=256",
    "model.hidden_size=512",
    "model.num_layers=2",
    'model.cell={kind="lstm"}',
    'model.decoder={kind="parallel"}',
    "tokenizer.vocab_size=6000",
    "data.batching.max_tokens=2500",
    "training.minutes=",
    "training.epochs=100",
    "training.validate_every=",
    "training.save_every=1000000",
    "device=cpu",
]


def ours(prepared: Prepared) -> Iterator[int]:
    for one in prepared.run():
        if one.kind == "step":
            yield int(one.values["tokens"])


def joeys(prepared: Prepared, folder: Path) -> Iterator[int]:
    """Joey NMT's steps, on the same batches."""
    batches = copy(prepared.loop.batches)
    assert isinstance(batches, BucketBatches)
    return joey_nmt.train(batches, batches.tokenizers.target, folder)


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
        else:
            print("joeynmt is not installed: ours alone")
        for line in prepared.notes:
            print(line)
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {processor()}")
        train_in_turn(systems, rounds=arguments.rounds, steps=arguments.steps)
        print("\nOurs, part by part:")
        print(time_parts(prepared.loop, steps=arguments.steps, warmup=WARMUP))


if __name__ == "__main__":
    main()
