"""Collation: from rows of ids to padded batches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from seqlstm.models.batch import Batch, target_positions
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair


def collate_pairs(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], tokenizers: TokenizerPair
) -> Batch:
    """A batch of pairs, padded right. Sources end with </s>; targets have <s> and </s> around."""
    reader, writer = tokenizers.source, tokenizers.target
    source = [torch.tensor([*ids, reader.end]) for ids in sources]
    target = [torch.tensor([writer.begin, *ids, writer.end]) for ids in targets]
    padded = pad_sequence(target, batch_first=True, padding_value=writer.pad)
    lengths = torch.tensor([len(ids) - 1 for ids in target])
    return Batch(
        inputs=padded[:, :-1],
        targets=padded[:, 1:],
        target_index=target_positions(lengths, padded.shape[1] - 1),
        lengths=lengths,
        source=pad_sequence(source, batch_first=True, padding_value=reader.pad),
        source_lengths=torch.tensor([len(ids) for ids in source]),
    )


def within_budget(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Cuts rows, in order, into batches of at most `tokens` padded tokens; returns row indices.

    A row longer than the budget is a batch of its own.
    """
    batches: list[list[int]] = []
    longest = 0
    for index, length in enumerate(lengths):
        longest = max(longest, length)
        if not batches or longest * (len(batches[-1]) + 1) > tokens:
            batches.append([])
            longest = length
        batches[-1].append(index)
    return batches


def collate_prompts(
    texts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], tokenizer: Tokenizer
) -> Batch:
    """A batch of prompts, each with its completion after it, padded right.

    A row begins with </s>, as a document of a stream does. Only the ids of the completion and the
    final </s> are in `target_index`.

    The batch has no lengths: a language model is causal, so padding on the right changes nothing
    before it, and without lengths the fastest backends serve.
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
        target_index=real.flatten().nonzero().squeeze(1),
    )
