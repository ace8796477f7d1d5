"""Output layers with several softmaxes: probabilities by hand, gradients by autograd."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seqlstm.models.output.adaptive_softmax import AdaptiveSoftmax
from seqlstm.models.output.mixture_of_softmaxes import MixtureOfSoftmaxes
from seqlstm.models.output.softmax import OutputLayer
from tests.models.cases import LENGTHS, step_by_step, text_batch
from tests.models.cases import VOCABULARY as LETTERS
from tests.recurrent.cases import assert_same, generator, noise, randomise
from tests.tiny import HIDDEN, loss_of, random_language_model

TOKENS, WIDTH, VOCABULARY = 12, 6, 13

Make = Callable[..., OutputLayer]
MAKES: dict[str, Make] = {
    "adaptive": lambda *sizes, **tied: AdaptiveSoftmax(*sizes, cutoffs=[3, 4, 8], **tied),
    "mixture": lambda *sizes, **tied: MixtureOfSoftmaxes(*sizes, num_experts=3, **tied),
}
every_kind = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)


def readout_of(make: Make, table: nn.Embedding | None = None) -> OutputLayer:
    readout: OutputLayer = randomise(make(WIDTH, VOCABULARY, tied_embedding=table).double())
    return readout


def features_and_targets() -> tuple[Tensor, Tensor]:
    targets = torch.randint(VOCABULARY, (TOKENS,), generator=generator(3))
    return noise(TOKENS, WIDTH).requires_grad_(), targets


def loss_and_gradients(loss: Tensor, features: Tensor, readout: OutputLayer) -> tuple[Tensor, ...]:
    return loss, *torch.autograd.grad(2.5 * loss, [features, *readout.parameters()])


def softmax(scores: list[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def product(matrix: Tensor, vector: list[float], bias: Tensor) -> list[float]:
    return [
        sum(w * v for w, v in zip(row, vector, strict=True)) + b
        for row, b in zip(matrix.tolist(), bias.tolist(), strict=True)
    ]


def test_adaptive_by_hand() -> None:
    readout = readout_of(MAKES["adaptive"])
    assert isinstance(readout, AdaptiveSoftmax)
    features, _ = features_and_targets()
    for row, result in zip(features.tolist(), readout(features).tolist(), strict=True):
        first = softmax(
            product(readout.weight[:3], row, readout.bias[:3])
            + product(readout.groups, row, readout.group_bias)
        )
        expected = first[:3]
        for group, (start, stop) in enumerate(((3, 4), (4, 8), (8, 13))):
            inside = softmax(product(readout.weight[start:stop], row, readout.bias[start:stop]))
            expected += [first[3 + group] * chance for chance in inside]
        assert [math.exp(value) for value in result] == pytest.approx(expected, rel=1e-9)


def test_mixture_by_hand() -> None:
    readout = readout_of(MAKES["mixture"])
    assert isinstance(readout, MixtureOfSoftmaxes)
    features, _ = features_and_targets()
    for row, result in zip(features.tolist(), readout(features).tolist(), strict=True):
        shares = softmax(product(readout.prior.weight, row, torch.zeros(3)))
        latent = [math.tanh(h) for h in product(readout.latent.weight, row, readout.latent.bias)]
        experts = [
            softmax(product(readout.weight, latent[k * WIDTH : (k + 1) * WIDTH], readout.bias))
            for k in range(3)
        ]
        expected = [
            sum(share * chances[id] for share, chances in zip(shares, experts, strict=True))
            for id in range(VOCABULARY)
        ]
        assert [math.exp(value) for value in result] == pytest.approx(expected, rel=1e-9)


@every_kind
@pytest.mark.parametrize("tied_width", [None, WIDTH, 4])
def test_loss_and_gradients_are_those_of_its_probabilities(
    make: Make, tied_width: int | None
) -> None:
    table = None if tied_width is None else nn.Embedding(VOCABULARY, tied_width).double()
    readout = readout_of(make, table)
    features, targets = features_and_targets()
    by_torch = nn.functional.nll_loss(readout(features), targets, reduction="sum")
    assert_same(
        loss_and_gradients(readout.loss(features, targets), features, readout),
        loss_and_gradients(by_torch, features, readout),
    )
    if table is not None:
        assert readout.weight is table.weight
    with torch.no_grad():
        assert_same(readout.loss(features, targets), by_torch)


@every_kind
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_in_chunks_equals_whole(make: Make, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    readout = readout_of(make)
    features, targets = features_and_targets()
    whole = loss_and_gradients(readout.loss(features, targets), features, readout)
    monkeypatch.setattr("seqlstm.models.output.fused_cross_entropy.CHUNK", rows * VOCABULARY * 3)
    assert_same(loss_and_gradients(readout.loss(features, targets), features, readout), whole)


@every_kind
@pytest.mark.parametrize("id", [0, 3, 12])
def test_targets_may_all_be_of_one_group(make: Make, id: int) -> None:
    readout = readout_of(make)
    features, _ = features_and_targets()
    targets = torch.full((TOKENS,), id)
    assert_same(readout.loss(features, targets), -readout(features)[:, id].sum())


@every_kind
def test_bfloat16_products_come_close(make: Make) -> None:
    readout = readout_of(make).float()
    features, targets = features_and_targets()
    features = features.detach().float().requires_grad_()
    exact = loss_and_gradients(readout.loss(features, targets), features, readout)
    with torch.autocast("cpu", torch.bfloat16):
        loss = readout.loss(features, targets)
    rounded = loss_and_gradients(loss, features, readout)
    assert all(part.dtype == torch.float32 for part in rounded)
    assert_same(rounded, exact, rtol=0.03, atol=0.08)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        scores, alone = readout(features), readout.loss(features, targets)
    assert scores.dtype == alone.dtype == torch.float32
    assert_same((scores, alone), (readout(features), exact[0]), rtol=0.03, atol=0.08)


@every_kind
def test_step_by_step_equals_full_forward(make: Make) -> None:
    model, batch = random_language_model(LETTERS), text_batch()
    model.output_layer = randomise(
        make(HIDDEN, LETTERS, tied_embedding=model.embedding.table).double()
    )
    scores, last = step_by_step(model, batch, model.initial_state(len(batch.inputs)))
    assert_same((scores, last), model.log_probabilities(batch, return_state=True))
    padded = text_batch(LENGTHS)
    assert_same(loss_of(model, padded)[0], -model.log_probabilities(padded)[0].sum())


@pytest.mark.parametrize("cutoffs", [[], [0, 3], [3, 3], [4, 2], [5, VOCABULARY]])
def test_cutoffs_must_leave_no_group_empty(cutoffs: list[int]) -> None:
    with pytest.raises(ValueError, match=r"cutoffs must rise between 0 and .* 13, were"):
        AdaptiveSoftmax(WIDTH, VOCABULARY, cutoffs=cutoffs)


def test_one_expert_is_no_mixture() -> None:
    with pytest.raises(ValueError, match="two or more"):
        MixtureOfSoftmaxes(WIDTH, VOCABULARY, num_experts=1)
