"""Collation: from rows of ids to padded batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn.utils.rnn import pad_sequence

from seqlstm.models.batch import Batch, target_positions
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair


def collate_language_model(rows: Sequence[Sequence[int]], *, pad_id: int) -> Batch:
    """Rows of ids, padded right: every id but the first of a row is a target."""
    padded = pad_sequence(
        [torch.tensor(row) for row in rows], batch_first=True, padding_value=pad_id
    )
    lengths = torch.tensor([len(row) - 1 for row in rows])
    return Batch(
        inputs=padded[:, :-1],
        targets=padded[:, 1:],
        target_index=target_positions(lengths, padded.shape[1] - 1),
        lengths=lengths,
    )


def collate_pairs(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], tokenizers: TokenizerPair
) -> Batch:
    """Pairs of ids, padded right: a source ends with </s>, a target is between <s> and </s>."""
    reader, writer = tokenizers.source, tokenizers.target
    source = [torch.tensor([*ids, reader.end]) for ids in sources]
    target = [[writer.begin, *ids, writer.end] for ids in targets]
    return replace(
        collate_language_model(target, pad_id=writer.pad),
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
    """Prompts with completions, padded right; only completions are targets, each with its </s>.

    A row begins with </s>, as documents of a stream do.

    The batch has no lengths, though its rows have: a language model reads forwards only, so that
    padding changes nothing before it, and without lengths the fastest backends serve.
    """
    end = tokenizer.end
    rows = [[end, *text, *answer, end] for text, answer in zip(texts, answers, strict=True)]
    batch = collate_language_model(rows, pad_id=tokenizer.pad)
    prompt_lengths = torch.tensor([len(text) for text in texts])
    time, row = batch.target_index // len(rows), batch.target_index % len(rows)
    completion = batch.target_index[time >= prompt_lengths[row]]
    return replace(batch, target_index=completion, lengths=None)
