"""The decoders against transcriptions of their papers, with the same parameters."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.models.batch import Batch
from seqlstm.models.decoders.bridge import Bridge
from seqlstm.models.translator import Translator
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.stack import Stack
from tests.models.cases import LENGTHS, ROWS, SOURCE_LENGTHS, pair_batch
from tests.models.writers import STEPWISE, Writer
from tests.recurrent.cases import assert_same
from tests.tiny import HIDDEN

every_option = pytest.mark.parametrize(
    "options",
    [
        {},
        {"bridge": True},
        {"coverage": True},
        {"coverage": True, "bridge": True},
        {"lexical": True},
    ],
    ids=str,
)


def lstm(cell: Any, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of one row (Gers, Schmidhuber & Cummins, 2000)."""
    i, f, g, o = (cell.input @ x + cell.recurrent @ h + cell.bias).chunk(4)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def encoded(model: Translator, batch: Batch, row: int) -> tuple[Tensor, Tensor]:
    """Outputs of one layer in both directions, (source, HIDDEN), and its last h and c of both."""
    assert batch.source is not None
    ids = batch.source[row, : SOURCE_LENGTHS[row]]
    inputs = model.source.table.weight[ids] * model.source.scale
    both = model.encoder.layers[0]
    outputs, last = [], []
    for layer, order in ((both.forwards, 1), (both.backwards, -1)):
        h = c = torch.zeros(HIDDEN // 2, dtype=torch.float64)
        states = []
        for x in list(inputs)[::order]:
            h, c = lstm(layer.cell, x, h, c)
            states.append(h)
        outputs.append(torch.stack(states[::order]))
        last += [h, c]
    return torch.cat(outputs, dim=-1), torch.cat(last)


def attended(
    attention: Any, query: Tensor, values: Tensor, past: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The context of one query, and its weights (heads, source)."""
    contexts, weights = [], []
    for head, part in enumerate(torch.arange(HIDDEN).chunk(attention.heads)):
        keys = values[:, part]
        if past is not None:
            keys = keys + torch.outer(past[head], attention.coverage[head])
        share = (keys @ (attention.query.weight[part] @ query) / len(part) ** 0.5).softmax(0)
        contexts.append(share @ values[:, part])
        weights.append(share)
    return torch.cat(contexts), torch.stack(weights)


def begin(model: Translator, final: Tensor) -> tuple[Tensor, Tensor]:
    """The first h and c of one layer."""
    bridge = model.decoder.bridge
    if bridge is None:
        return torch.zeros(HIDDEN, dtype=torch.float64), torch.zeros(HIDDEN, dtype=torch.float64)
    h, c = (bridge.maps[0].weight @ final + bridge.maps[0].bias).tanh().chunk(2)
    return h, c


def lexical_features(model: Translator, batch: Batch, row: int, weights: Tensor) -> Tensor:
    """The lexical features (Nguyen & Chiang, 2018)."""
    assert batch.source is not None
    assert model.lexical is not None
    table, hidden = model.source.table.weight * model.source.scale, model.lexical.hidden
    words = zip(weights.mean(0), batch.source[row], strict=False)
    f = torch.stack([share * table[word] for share, word in words]).sum(0).tanh()
    return (hidden.weight @ f + hidden.bias).tanh() + f


def read_by(model: Translator, kind: str, batch: Batch, row: int) -> tuple[Tensor, Tensor]:
    """Inputs of the output layer, (time, features), and weights, (heads, time, source)."""
    decoder: Any = model.decoder
    values, final = encoded(model, batch, row)
    h, c = begin(model, final)
    fed = torch.zeros(HIDDEN, dtype=torch.float64)
    past = torch.zeros(2, len(values), dtype=torch.float64)
    read, seen = [], []
    for y in model.target.table.weight[batch.inputs[row, : LENGTHS[row]]] * model.target.scale:
        had = None if decoder.attention.coverage is None else past
        if kind == "bahdanau":
            context, weights = attended(decoder.attention, h, values, had)
            h, c = lstm(decoder.stack.layers[0].cell, torch.cat([y, context]), h, c)
            read.append(torch.cat([h, context, y]))
        else:
            h, c = lstm(decoder.stack.layers[0].cell, torch.cat([y, fed]), h, c)
            context, weights = attended(decoder.attention, h, values, had)
            fed = (decoder.join.weight @ torch.cat([context, h])).tanh()
            read.append(fed)
        if model.lexical is not None:
            read[-1] = torch.cat([read[-1], lexical_features(model, batch, row, weights)])
        past = past + weights
        seen.append(weights)
    return torch.stack(read), torch.stack(seen, dim=1)


@every_option
@pytest.mark.parametrize("kind", STEPWISE)
def test_autoregressive_decoders(kind: str, options: dict[str, bool]) -> None:
    model, batch = Writer(kind, **options).random(layers=1), pair_batch()
    features, weights = model.forward_decoder(batch)
    for row in range(ROWS):
        read, seen = read_by(model, kind, batch, row)
        assert_same(features[: LENGTHS[row], row], read)
        assert weights is not None
        assert_same(weights[row, :, : LENGTHS[row], : SOURCE_LENGTHS[row]], seen)


def test_the_decoder_without_attention() -> None:
    model, batch = Writer("plain").random(layers=1), pair_batch()
    features, _ = model.forward_decoder(batch)
    stack: Any = model.decoder.stack
    for row in range(ROWS):
        h, c = begin(model, encoded(model, batch, row)[1])
        ids = batch.inputs[row, : LENGTHS[row]]
        for time, y in enumerate(model.target.table.weight[ids] * model.target.scale):
            h, c = lstm(stack.layers[0].cell, y, h, c)
            assert_same(features[time, row], h)


@pytest.mark.parametrize(
    ("above", "matched"), [(1, [1]), (2, [0, 1]), (3, [0, 0, 1]), (4, [0, 0, 0, 1])]
)
def test_a_bridge_matches_layers_from_the_top(above: int, matched: list[int]) -> None:
    encoder = Stack(LSTM, input_size=3, hidden_size=4, num_layers=2)
    decoder = Stack(LSTM, input_size=3, hidden_size=6, num_layers=above)
    bridge = Bridge(encoder, list(decoder.layers))
    final = tuple((torch.full((1, 4), layer), torch.full((1, 4), layer)) for layer in (0.0, 1.0))
    assert [part.mean().item() for part in bridge.inputs(final)] == matched
    states = bridge(bridge.inputs(final), decoder.initial_state(1))
    assert [[part.shape[1] for part in state] for state in states] == [[6, 6]] * above
