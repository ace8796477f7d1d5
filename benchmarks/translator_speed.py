"""Training speed of the translator at Joey NMT's size, in target tokens a second, beside Joey NMT.

A two-layer bidirectional LSTM encoder of 256 a direction and a two-layer decoder of 512, embeddings
of 256, 6,000 joint pieces, batches of 2,500 tokens: the whole step, as `seqlstm train` runs it, on
a CPU. Then the time of a step by component.

Where `joeynmt` is installed, its recurrent model (Luong's attention, input feeding, float32) trains
in turn with ours, round by round, in the same process, with the same allocator settings and on the
same batches, which come from our data pipeline.

    python benchmarks/translator_speed.py                        # random sentences
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
from interleaved import WARMUP, System, train_interleaved
from step_breakdown import time_components

from seqlstm.data.batching.buckets import BucketBatches
from seqlstm.recipe.prepare import Prepared
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.train import start

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
    """Target tokens of each step."""
    for report in prepared.run():
        if report.kind == "step":
            yield int(report.values["tokens"])


def joeys(prepared: Prepared, folder: Path) -> Iterator[int]:
    """Target tokens of each of Joey NMT's steps, on the same batches."""
    batches = copy(prepared.loop.batches)
    assert isinstance(batches, BucketBatches)
    return joey_nmt.train(batches, batches.tokenizers.target, folder)


def write_random_sentences(folder: Path, *, rows: int = 20_000) -> None:
    """Parallel text of random words, Zipf-distributed, in sentences as long as image captions."""
    generator = random.Random(1)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    words = ["".join(generator.choices(syllables, k=generator.randint(1, 4))) for _ in range(16000)]
    weights = [1 / (rank + 2) for rank in range(len(words))]
    for side in ("en", "de"):
        lines = (
            " ".join(generator.choices(words, weights, k=max(4, round(generator.gauss(11, 3.5)))))
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
            write_random_sentences(folder)
            source = f'data.source={{train=["{folder}/train.en", "{folder}/train.de"]}}'
        recipe = read_recipe("multi30k-en-de", [*JOEY_NMT, source, *arguments.overrides])
        prepared = start(recipe, folder / "run")
        systems = {"ours": System(ours(prepared))}
        if joey_nmt.INSTALLED:
            systems["Joey NMT"] = System(joeys(prepared, folder / "joeynmt"))
        else:
            print("joeynmt is not installed: ours alone")
        print(*prepared.notes, sep="\n")
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {processor()}")
        train_interleaved(systems, rounds=arguments.rounds, steps=arguments.steps)
        print("\nOurs, by component:")
        print(time_components(prepared.loop, steps=arguments.steps, warmup=WARMUP))


if __name__ == "__main__":
    main()
