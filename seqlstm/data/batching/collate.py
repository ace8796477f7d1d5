"""Collation: padded batches from rows of ids."""

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
    source_tokenizer, target_tokenizer = tokenizers.source, tokenizers.target
    source = [torch.tensor([*ids, source_tokenizer.end]) for ids in sources]
    target = [[target_tokenizer.begin, *ids, target_tokenizer.end] for ids in targets]
    return replace(
        collate_language_model(target, pad_id=target_tokenizer.pad),
        source=pad_sequence(source, batch_first=True, padding_value=source_tokenizer.pad),
        source_lengths=torch.tensor([len(ids) for ids in source]),
    )


def within_budget(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Indices of rows, in order, cut into batches of at most `max_tokens`.

    The size of a batch is its number of rows times its longest row. A row longer than `max_tokens`
    is a batch by itself.
    """
    batches: list[list[int]] = []
    longest = 0
    for index, length in enumerate(lengths):
        longest = max(longest, length)
        if not batches or longest * (len(batches[-1]) + 1) > max_tokens:
            batches.append([])
            longest = length
        batches[-1].append(index)
    return batches


def collate_prompts(
    prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], tokenizer: Tokenizer
) -> Batch:
    """Prompts and completions, padded right; only completions and their </s> are targets.

    A row begins with </s>, like the documents of a stream.

    The batch has no `lengths`: a language model reads forwards, so padding at the end has no effect
    on the targets, and more backends support batches without lengths.
    """
    end = tokenizer.end
    rows = [
        [end, *prompt, *completion, end]
        for prompt, completion in zip(prompts, completions, strict=True)
    ]
    batch = collate_language_model(rows, pad_id=tokenizer.pad)
    prompt_lengths = torch.tensor([len(prompt) for prompt in prompts])
    time, row = batch.target_index // len(rows), batch.target_index % len(rows)
    target_index = batch.target_index[time >= prompt_lengths[row]]
    return replace(batch, target_index=target_index, lengths=None)
