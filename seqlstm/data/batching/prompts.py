"""Batches of prompts and completions: a language model reads both and learns the completions."""

from __future__ import annotations

from collections.abc import Sequence

from seqlstm.data.batching.buckets import BucketBatches
from seqlstm.data.batching.collate import collate_prompts, within_budget
from seqlstm.models.batch import Batch


def bucket_prompts(
    prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], max_tokens: int
) -> list[list[int]]:
    """Indices of rows by batch: sorted by length, then cut into batches of `max_tokens`."""
    lengths = [
        len(prompt) + len(completion) + 1
        for prompt, completion in zip(prompts, completions, strict=True)
    ]
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    batches = within_budget([lengths[row] for row in order], max_tokens)
    return [[order[i] for i in batch] for batch in batches]


class PromptBatches(BucketBatches):
    """Training batches of prompts and completions, the two sides of the pairs of `BucketBatches`.

    Prompts and completions are encoded separately, so that a prompt has the same ids in training
    and in generation.
    """

    def arrange(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
    ) -> list[list[int]]:
        return bucket_prompts(sources, targets, self.max_tokens)

    def collate(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Batch:
        return collate_prompts(sources, targets, self.tokenizers.target)
