"""Texts with answers: a language model reads both, and only the answers are asked of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from seqlstm.data.buckets import Buckets, within_budget
from seqlstm.models.batch import Batch
from seqlstm.text.tokenizer import Tokenizer


def answer_batch(
    texts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], tokenizer: Tokenizer
) -> Batch:
    """Rows of ids, each a text and the answer after it, padded right.

    A row begins with </s>, as documents on a tape do. Its real targets are the pieces of the answer
    and the </s> that ends it.

    The batch has no lengths, though its rows have: a language model reads forwards only, so that
    padding changes nothing before it, and without lengths the fastest backends serve.
    """
    end = tokenizer.end
    rows = [
        torch.tensor([end, *text, *answer, end])
        for text, answer in zip(texts, answers, strict=True)
    ]
    padded = pad_sequence(rows, batch_first=True, padding_value=tokenizer.pad)
    time = torch.arange(padded.shape[1] - 1).unsqueeze(1)
    first = torch.tensor([len(text) for text in texts])
    asked = torch.tensor([len(answer) + 1 for answer in answers])
    real = (time >= first) & (time < first + asked)  # (time, batch)
    return Batch(
        inputs=padded[:, :-1],
        targets=padded[:, 1:],
        real=real.flatten().nonzero().squeeze(1),
    )


def bucket_answers(
    texts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], tokens: int
) -> list[list[int]]:
    """Indices of rows by batch: sorted by length, then cut by a budget of padded tokens."""
    size = [len(text) + len(answer) + 1 for text, answer in zip(texts, answers, strict=True)]
    order = sorted(range(len(size)), key=lambda row: size[row])
    return [[order[i] for i in part] for part in within_budget([size[i] for i in order], tokens)]


class Answers(Buckets):
    """Training batches of texts with answers, drawn as those of `Buckets` are.

    The pairs are of text and answer. Each side is encoded by itself, so that a text is the same
    pieces here as in a prompt.
    """

    def arrange(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
    ) -> list[list[int]]:
        return bucket_answers(sources, targets, self.tokens)

    def batch(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Batch:
        return answer_batch(sources, targets, self.tokenizers.target)
