"""Pairs of like length together, padded right, up to a budget of tokens."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import torch

from seqlstm.data.batching.base import Batches, mix_seeds
from seqlstm.data.batching.collate import collate_pairs, within_budget
from seqlstm.models.batch import Batch
from seqlstm.text.tokenizer_pair import TokenizerPair


def bucket(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], tokens: int
) -> list[list[int]]:
    """Indices of pairs by batch: sorted by length, then cut by a budget of padded tokens."""
    size = [max(len(s), len(t)) + 1 for s, t in zip(sources, targets, strict=True)]
    order = sorted(range(len(size)), key=lambda i: (size[i], len(targets[i]), len(sources[i])))
    return [[order[i] for i in part] for part in within_budget([size[i] for i in order], tokens)]


class BucketBatches(Batches):
    """Training batches of pairs.

    Every epoch is shuffled, cut into windows, and each window encoded (sampled anew, if asked),
    sorted into batches, and these shuffled.

    Args:
        pairs: source and target lines.
        tokenizers: of the sides.
        tokens: budget of a batch: rows times the longest row, at most.
        window: pairs that are sorted together.
        subword_regularization: subword regularisation; 0 for none.
        seed: of order and sampling.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[str, str]],
        *,
        tokenizers: TokenizerPair,
        tokens: int,
        window: int,
        subword_regularization: float = 0.0,
        seed: int = 1,
    ) -> None:
        super().__init__(len(pairs))
        self.pairs = pairs
        self.tokenizers = tokenizers
        self.tokens = tokens
        self.window = window
        self.subword_regularization = subword_regularization
        self.seed = seed

    def measure(self, batch: Batch) -> int:
        return len(batch.inputs)

    def of_epoch(self, epoch: int, skip: int) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(mix_seeds(self.seed, epoch))
        order = torch.randperm(len(self.pairs), generator=generator).tolist()
        for number, start in enumerate(range(0, len(order), self.window)):
            chosen = [self.pairs[index] for index in order[start : start + self.window]]
            sources, targets = self.encode(chosen, mix_seeds(self.seed, epoch, number))
            batches = self.arrange(sources, targets)
            random.Random(mix_seeds(self.seed, epoch, number)).shuffle(batches)
            for rows in batches[skip:]:
                yield self.batch([sources[row] for row in rows], [targets[row] for row in rows])
            skip = max(0, skip - len(batches))

    def arrange(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
    ) -> list[list[int]]:
        """Indices of the rows of a window, batch by batch."""
        return bucket(sources, targets, self.tokens)

    def batch(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Batch:
        return collate_pairs(sources, targets, self.tokenizers)

    def encode(
        self, pairs: Sequence[tuple[str, str]], seed: int
    ) -> tuple[list[list[int]], list[list[int]]]:
        """The ids of both sides. A joint tokenizer draws the targets after the sources, from the
        same numbers; two have each their own.
        """
        sources, targets = [source for source, _ in pairs], [target for _, target in pairs]
        reader, writer = self.tokenizers.source, self.tokenizers.target
        if not self.subword_regularization:
            return reader.encode_batch(sources), writer.encode_batch(targets)
        if self.tokenizers.is_joint:
            ids = reader.sample([*sources, *targets], alpha=self.subword_regularization, seed=seed)
            return ids[: len(pairs)], ids[len(pairs) :]
        return (
            reader.sample(sources, alpha=self.subword_regularization, seed=mix_seeds(seed, 0)),
            writer.sample(targets, alpha=self.subword_regularization, seed=mix_seeds(seed, 1)),
        )
