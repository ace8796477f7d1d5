"""Texts with answers: a language model reads both, and only the answers are asked of it."""

from __future__ import annotations

from collections.abc import Sequence

from seqlstm.data.batching.buckets import BucketBatches
from seqlstm.data.batching.collate import collate_prompts, within_budget
from seqlstm.models.batch import Batch


def bucket_prompts(
    texts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], tokens: int
) -> list[list[int]]:
    """Indices of rows by batch: sorted by length, then cut by a budget of padded tokens."""
    size = [len(text) + len(answer) + 1 for text, answer in zip(texts, answers, strict=True)]
    order = sorted(range(len(size)), key=lambda row: size[row])
    return [[order[i] for i in part] for part in within_budget([size[i] for i in order], tokens)]


class PromptBatches(BucketBatches):
    """Training batches of texts with answers, drawn as those of `BucketBatches` are.

    The pairs are of text and answer. Each side is encoded by itself, so that a text is the same
    pieces here as in a prompt.
    """

    def arrange(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
    ) -> list[list[int]]:
        return bucket_prompts(sources, targets, self.tokens)

    def batch(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Batch:
        return collate_prompts(sources, targets, self.tokenizers.target)
