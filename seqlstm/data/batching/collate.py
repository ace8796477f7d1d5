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
    """Pairs of ids, padded right. A source ends with </s>; a target is told from <s> to </s>."""
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
    """Cut indices, in their order, into batches of at most `tokens`: rows times the longest row.

    A row longer than the budget is a batch by itself.
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
        target_index=real.flatten().nonzero().squeeze(1),
    )
