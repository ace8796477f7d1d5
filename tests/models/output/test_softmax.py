"""The chunked loss against torch's own."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from seqlstm.models.output.softmax import OutputLayer
from tests.recurrent.cases import assert_same, generator, noise, randomise

TOKENS, WIDTH, VOCABULARY = 10, 6, 13

every_smoothing = pytest.mark.parametrize("smoothing", [0.0, 0.1])


def readout_of(*, table: nn.Embedding | None = None) -> OutputLayer:
    made = OutputLayer(WIDTH, VOCABULARY, tied_embedding=table)
    readout: OutputLayer = randomise(made.double())
    return readout


def features_and_targets() -> tuple[Tensor, Tensor]:
    targets = torch.randint(VOCABULARY, (TOKENS,), generator=generator(3))
    return noise(TOKENS, WIDTH).requires_grad_(), targets


def loss_and_gradients(loss: Tensor, features: Tensor, readout: OutputLayer) -> tuple[Tensor, ...]:
    wanted = [features, *readout.parameters()]
    return loss, *torch.autograd.grad(2.5 * loss, wanted)


def by_torch(readout: OutputLayer, features: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    return nn.functional.cross_entropy(
        readout(features), targets, label_smoothing=smoothing, reduction="sum"
    )


@every_smoothing
@pytest.mark.parametrize("tied_width", [None, WIDTH, 4])
def test_loss_and_gradients_are_torchs(smoothing: float, tied_width: int | None) -> None:
    table = None if tied_width is None else nn.Embedding(VOCABULARY, tied_width).double()
    readout = readout_of(table=table)
    features, targets = features_and_targets()
    assert_same(
        loss_and_gradients(
            readout.loss(features, targets, label_smoothing=smoothing), features, readout
        ),
        loss_and_gradients(by_torch(readout, features, targets, smoothing), features, readout),
    )


@every_smoothing
@pytest.mark.parametrize("rows", [0, 1, 3, 5])
def test_in_chunks_equals_whole(
    smoothing: float, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    readout = readout_of()
    features, targets = features_and_targets()
    loss = partial(readout.loss, features, targets, label_smoothing=smoothing)
    whole = loss_and_gradients(loss(), features, readout)
    monkeypatch.setattr("seqlstm.models.output.fused_cross_entropy.CHUNK", rows * VOCABULARY)
    assert_same(loss_and_gradients(loss(), features, readout), whole)


def test_without_gradients_the_loss_is_the_same() -> None:
    readout = readout_of()
    loss = partial(readout.loss, *features_and_targets(), label_smoothing=0.1)
    with torch.no_grad():
        alone = loss()
    assert not alone.requires_grad
    assert_same(alone, loss())


def test_inputs_are_not_changed() -> None:
    readout = readout_of()
    features, targets = features_and_targets()
    before = [part.detach().clone() for part in (features, readout.weight, readout.bias)]
    readout.loss(features, targets).backward()
    assert all(map(torch.equal, before, (features, readout.weight, readout.bias)))


@every_smoothing
def test_bfloat16_products_come_close(smoothing: float) -> None:
    readout = readout_of().float()
    features, targets = features_and_targets()
    features = features.detach().float().requires_grad_()
    loss = partial(readout.loss, features, targets, label_smoothing=smoothing)
    exact = loss_and_gradients(loss(), features, readout)
    with torch.autocast("cpu", torch.bfloat16):
        rounded_loss = loss()
    rounded = loss_and_gradients(rounded_loss, features, readout)
    assert all(part.dtype == torch.float32 for part in rounded)
    assert_same(rounded, exact, rtol=0.03, atol=0.05)


def test_a_tied_matrix_is_the_embeddings_own() -> None:
    table = nn.Embedding(VOCABULARY, WIDTH)
    model = nn.ModuleDict(
        {"embedding": table, "output_layer": OutputLayer(WIDTH, VOCABULARY, tied_embedding=table)}
    )
    assert model["output_layer"].weight is table.weight
    names = [name for name, _ in model.named_parameters()]
    assert names == ["embedding.weight", "output_layer.bias"]


def test_a_bottleneck_maps_to_an_embedding_of_another_size() -> None:
    table = nn.Embedding(VOCABULARY, 4)
    readout = OutputLayer(WIDTH, VOCABULARY, tied_embedding=table)
    assert readout.weight is table.weight
    assert readout(torch.zeros(2, 3, WIDTH)).shape == (2, 3, VOCABULARY)
    names = {name for name, _ in readout.named_parameters()}
    assert names == {"weight", "bias", "bottleneck.weight", "bottleneck.bias"}


def test_a_second_backward_pass_is_refused() -> None:
    features, targets = features_and_targets()
    loss = readout_of().loss(features, targets, label_smoothing=0.1)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="second backward pass"):
        loss.backward()
