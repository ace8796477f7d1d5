from __future__ import annotations

import torch

from seqlstm.models.embedding import TokenEmbedding
from tests.models.cases import ids


def test_features_come_time_major_and_scaled() -> None:
    embedding = TokenEmbedding(11, 9)
    said = ids(2, 5)
    features = embedding(said)
    assert features.shape == (5, 2, 9)
    for row, time in ((0, 0), (1, 0), (1, 4)):
        assert torch.equal(features[time, row], embedding.table.weight[said[row, time]] * 3)


def test_features_begin_with_unit_variance() -> None:
    torch.manual_seed(0)
    features = TokenEmbedding(500, 64)(torch.arange(500).unsqueeze(0))
    assert abs(float(features.detach().std()) - 1) < 0.05


def test_dropout_is_for_training() -> None:
    embedding = TokenEmbedding(11, 8, dropout=0.5)
    said = ids(2, 5)
    plain = embedding.eval()(said)
    assert torch.equal(plain, embedding(said))
    dropped = embedding.train()(said)
    ratios = (dropped / plain).detach().round(decimals=5).unique().tolist()
    assert ratios == [0.0, 2.0]
    mask = dropped == 0
    assert torch.equal(mask, mask[:1].expand_as(mask))  # one mask for the whole sequence
