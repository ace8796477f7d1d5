"""Batches of prompts and completions: inputs, targets, and resuming."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from seqlstm.data.batching.collate import collate_prompts
from seqlstm.data.batching.prompts import PromptBatches, bucket_prompts
from seqlstm.models.batch import Batch
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from tests.tiny import PAIRS, loss_of, random_language_model

BUDGET, WINDOW = 90, 15


def answers_of(tokenizer: Tokenizer, *, subword_regularization: float = 0.0) -> PromptBatches:
    return PromptBatches(
        PAIRS,
        tokenizers=TokenizerPair.joint(tokenizer),
        max_tokens=BUDGET,
        shuffle_window=WINDOW,
        subword_regularization=subword_regularization,
    )


def targets_of(batch: Batch) -> list[list[int]]:
    """The targets of each row."""
    rows = len(batch.inputs)
    targets: list[list[int]] = [[] for _ in range(rows)]
    for place in batch.target_index.tolist():
        step, row = divmod(place, rows)
        targets[row].append(int(batch.targets[row, step]))
    return targets


def test_a_batch_by_hand(tokenizer: Tokenizer) -> None:
    end, pad = tokenizer.end, tokenizer.pad
    batch = collate_prompts([[5, 6], [7], []], [[8], [], [9, 10, 11]], tokenizer)
    assert batch.inputs.tolist() == [[end, 5, 6, 8], [end, 7, end, pad], [end, 9, 10, 11]]
    assert batch.targets.tolist() == [[5, 6, 8, end], [7, end, pad, pad], [9, 10, 11, end]]
    assert targets_of(batch) == [[8, end], [end], [9, 10, 11, end]]
    assert batch.tokens == 7
    assert batch.lengths is None
    assert batch.resets is None
    assert not batch.carry_state


def test_prompts_are_not_part_of_the_loss(tokenizer: Tokenizer) -> None:
    """A row has the same loss in a batch as alone, and its prompt is not part of it."""
    model = random_language_model(tokenizer.vocab_size, seed=3)
    prompts, completions = [[5, 6, 9, 7], [7], [8, 8]], [[8], [6, 5], [9, 10, 11]]
    with torch.no_grad():
        loss, tokens, _ = loss_of(model, collate_prompts(prompts, completions, tokenizer))
        by_hand = 0.0
        for prompt, completion in zip(prompts, completions, strict=True):
            state, past = model.initial_state(1), [tokenizer.end, *prompt]
            for token in past[:-1]:
                _, state = model.advance(torch.tensor([token]), state)
            for token, target in zip(
                [past[-1], *completion], [*completion, tokenizer.end], strict=True
            ):
                logits, state = model.advance(torch.tensor([token]), state)
                by_hand -= float(logits.log_softmax(-1)[0, target])
    assert tokens == 9
    assert float(loss) == pytest.approx(by_hand, rel=1e-9)


def test_batches_have_similar_lengths_within_the_budget() -> None:
    prompts, completions = [[0] * n for n in (9, 1, 5, 1, 30)], [[0], [0, 0], [], [0], []]
    batches = bucket_prompts(prompts, completions, 14)
    assert batches == [[3, 1], [2], [0], [4]]


@pytest.mark.parametrize("sampling", [0.0, 0.3])
def test_every_row_is_in_an_epoch_once(tokenizer: Tokenizer, sampling: float) -> None:
    batches = list(answers_of(tokenizer, subword_regularization=sampling).of_epoch(0, 0))
    decoded = [tokenizer.decode(ids[:-1]) for batch in batches for ids in targets_of(batch)]
    assert sorted(decoded) == sorted(completion for _, completion in PAIRS)
    assert all(batch.inputs.numel() <= BUDGET or len(batch.inputs) == 1 for batch in batches)


@pytest.mark.parametrize("done", [1, 4, 9])
def test_resuming(tokenizer: Tokenizer, done: int) -> None:
    whole = list(islice(answers_of(tokenizer, subword_regularization=0.3), 14))
    stopped, resumed = (
        answers_of(tokenizer, subword_regularization=0.3),
        answers_of(tokenizer, subword_regularization=0.3),
    )
    list(islice(stopped, done))
    resumed.load_state_dict(stopped.state_dict())
    rest = list(islice(resumed, 14 - done))
    for one, other in zip(rest, whole[done:], strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.target_index, other.target_index)
