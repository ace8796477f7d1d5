from __future__ import annotations

import pytest
import torch

from seqlstm.models.embedding import TokenEmbedding
from tests.models.cases import ids


def test_features_are_time_major_and_scaled() -> None:
    embedding = TokenEmbedding(11, 9)
    tokens = ids(2, 5)
    features = embedding(tokens)
    assert features.shape == (5, 2, 9)
    for row, time in ((0, 0), (1, 0), (1, 4)):
        assert torch.equal(features[time, row], embedding.table.weight[tokens[row, time]] * 3)


def test_initial_features_have_unit_variance() -> None:
    torch.manual_seed(0)
    features = TokenEmbedding(500, 64)(torch.arange(500).unsqueeze(0))
    assert abs(float(features.detach().std()) - 1) < 0.05


def test_dropout_is_for_training() -> None:
    embedding = TokenEmbedding(11, 8, dropout=0.5)
    tokens = ids(2, 5)
    plain = embedding.eval()(tokens)
    assert torch.equal(plain, embedding(tokens))
    dropped = embedding.train()(tokens)
    ratios = (dropped / plain).detach().round(decimals=5).unique().tolist()
    assert ratios == [0.0, 2.0]
    mask = dropped == 0
    assert torch.equal(mask, mask[:1].expand_as(mask))  # one mask for the whole sequence


def test_word_dropout_drops_an_id_everywhere_in_the_batch() -> None:
    torch.manual_seed(0)
    embedding = TokenEmbedding(200, 4, word_dropout=0.25)
    tokens = torch.randint(200, (6, 400), generator=torch.Generator().manual_seed(1))
    plain = embedding.eval()(tokens)
    ratios = (embedding.train()(tokens) / plain).detach().round(decimals=5)
    assert torch.equal(ratios, ratios[..., :1].expand_as(ratios))  # whole rows of the table
    ratio = ratios[..., 0]
    torch.testing.assert_close(ratio, torch.where(ratio == 0, 0.0, 1 / 0.75), rtol=0, atol=1e-4)
    by_type = [ratio[tokens.t() == one] for one in range(200)]
    assert all((result == result[0]).all() for result in by_type)
    share = sum(bool(result[0] == 0) for result in by_type) / 200
    assert abs(share - 0.25) < 0.1
    assert not torch.equal(ratio, (embedding(tokens) / plain)[..., 0])  # a new mask


def test_a_dropped_word_has_no_gradient() -> None:
    embedding = TokenEmbedding(11, 8, word_dropout=0.5).train()
    tokens = ids(2, 30)
    features = embedding(tokens)
    features.sum().backward()
    gradient = embedding.table.weight.grad
    assert gradient is not None
    read = {int(one) for one in tokens.unique()}
    gone = {int(one) for one in tokens.t()[(features == 0).all(-1)]}
    assert gone
    assert {one for one in range(11) if gradient[one].any()} == read - gone


def test_word_dropout_is_for_training() -> None:
    embedding = TokenEmbedding(11, 8, word_dropout=0.9).eval()
    assert torch.equal(embedding(ids(2, 5)), embedding(ids(2, 5)))
    assert (embedding(ids(2, 5)) != 0).all()
    with pytest.raises(ValueError, match=r"word dropout must be in \[0, 1\), was: 1"):
        TokenEmbedding(11, 8, word_dropout=1.0)
