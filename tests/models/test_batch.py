from __future__ import annotations

import torch

from seqlstm.models.batch import Batch, target_positions
from tests.models.cases import pair_batch


def test_target_positions_are_time_major() -> None:
    assert target_positions(torch.tensor([3, 1, 2]), 4).tolist() == [0, 1, 2, 3, 5, 6]


def test_tokens_are_the_real_targets() -> None:
    assert pair_batch().tokens == 5 + 7 + 1 + 3


def test_a_batch_on_another_device_has_the_same_fields() -> None:
    ids = torch.zeros(2, 3, dtype=torch.long)
    batch = Batch(inputs=ids, targets=ids, target_index=torch.arange(6), carry_state=True)
    moved = batch.to(torch.device("meta"))
    assert moved.inputs.is_meta
    assert moved.targets.is_meta
    assert moved.target_index.is_meta
    assert (moved.lengths, moved.resets, moved.source) == (None, None, None)
    assert moved.carry_state
    doubled = pair_batch().map(lambda part: part * 2)
    assert torch.equal(doubled.inputs, pair_batch().inputs * 2)
    assert doubled.source_lengths is not None
    assert doubled.source_lengths.tolist() == [4, 12, 8, 2]
