"""Bucketing: batches of sentence pairs of similar length, with a maximum number of tokens."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence

import torch

from seqlstm.data.batching.base import Batches, mix_seeds
from seqlstm.data.batching.collate import collate_pairs, within_budget
from seqlstm.models.batch import Batch
from seqlstm.text.tokenizer_pair import TokenizerPair

PairIds = tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]]
"""Source ids and target ids of several pairs."""


def select_ids(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], rows: Sequence[int]
) -> PairIds:
    """The ids of these rows, in arrays with four bytes per id (a list needs 36)."""
    return [array("i", sources[row]) for row in rows], [array("i", targets[row]) for row in rows]


def bucket(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], max_tokens: int
) -> list[list[int]]:
    """Indices of pairs by batch: sorted by length, then cut into batches of `max_tokens`."""
    lengths = [max(len(s), len(t)) + 1 for s, t in zip(sources, targets, strict=True)]
    order = sorted(
        range(len(lengths)), key=lambda row: (lengths[row], len(targets[row]), len(sources[row]))
    )
    batches = within_budget([lengths[row] for row in order], max_tokens)
    return [[order[i] for i in batch] for batch in batches]


class BucketBatches(Batches):
    """Training batches of sentence pairs.

    Every epoch is shuffled and cut into windows. The pairs of a window are encoded, with or without
    sampling, and sorted into batches by length; then the batches of the window are shuffled.

    Args:
        pairs: source and target lines.
        ids: of all pairs, if they are already encoded; ignored with subword regularization.
        tokenizers: of source and target.
        max_tokens: maximum size of a batch: rows times the longest row.
        shuffle_window: number of pairs in a window.
        subword_regularization: alpha of `Tokenizer.sample`; 0 to encode without sampling.
        seed: of order and sampling.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[str, str]],
        *,
        ids: PairIds | None = None,
        tokenizers: TokenizerPair,
        max_tokens: int,
        shuffle_window: int,
        subword_regularization: float = 0.0,
        seed: int = 1,
    ) -> None:
        super().__init__(len(pairs))
        self.pairs = pairs
        self.ids = None if subword_regularization else ids
        self.tokenizers = tokenizers
        self.max_tokens = max_tokens
        self.shuffle_window = shuffle_window
        self.subword_regularization = subword_regularization
        self.seed = seed

    def measure(self, batch: Batch) -> int:
        return len(batch.inputs)

    def of_epoch(self, epoch: int, skip: int) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(mix_seeds(self.seed, epoch))
        order = torch.randperm(len(self.pairs), generator=generator).tolist()
        for number, start in enumerate(range(0, len(order), self.shuffle_window)):
            window = order[start : start + self.shuffle_window]
            sources, targets = self.window_ids(window, mix_seeds(self.seed, epoch, number))
            batches = self.arrange(sources, targets)
            random.Random(mix_seeds(self.seed, epoch, number)).shuffle(batches)
            for rows in batches[skip:]:
                yield self.collate([sources[row] for row in rows], [targets[row] for row in rows])
            skip = max(0, skip - len(batches))

    def arrange(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
    ) -> list[list[int]]:
        """Indices of the rows of a window by batch."""
        return bucket(sources, targets, self.max_tokens)

    def collate(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Batch:
        return collate_pairs(sources, targets, self.tokenizers)

    def window_ids(self, window: Sequence[int], seed: int) -> PairIds:
        """Source and target ids of the pairs at these indices."""
        if self.ids is None:
            return self.encode([self.pairs[row] for row in window], seed)
        sources, targets = self.ids
        return [sources[row] for row in window], [targets[row] for row in window]

    def encode(self, pairs: Sequence[tuple[str, str]], seed: int) -> PairIds:
        """Source and target ids, with or without sampling.

        A joint tokenizer samples sources and then targets with one seed; two tokenizers have
        different seeds.
        """
        sources, targets = [source for source, _ in pairs], [target for _, target in pairs]
        source, target = self.tokenizers.source, self.tokenizers.target
        if not self.subword_regularization:
            return source.encode_batch(sources), target.encode_batch(targets)
        alpha = self.subword_regularization
        if self.tokenizers.is_joint:
            ids = source.sample([*sources, *targets], alpha=alpha, seed=seed)
            return ids[: len(pairs)], ids[len(pairs) :]
        return (
            source.sample(sources, alpha=alpha, seed=mix_seeds(seed, 0)),
            target.sample(targets, alpha=alpha, seed=mix_seeds(seed, 1)),
        )
