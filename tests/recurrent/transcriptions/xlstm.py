"""The blocks of xLSTM, whose parts are modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from seqlstm.recurrent.blocks.xlstm import MLSTMBlock, SLSTMBlock
from tests import oracles
from tests.recurrent.transcriptions.exponential import dense_gates


def scale(module: Any) -> tuple[list[float], list[float]]:
    """The gain and the shift of a normalization."""
    return module.weight.tolist(), module.bias.tolist()


def linear(weight: Tensor, bias: Tensor | None = None) -> oracles.Affine:
    """A matrix and its bias, zeros where there is none."""
    bias = weight.new_zeros(len(weight)) if bias is None else bias
    return weight.tolist(), bias.tolist()


def slstm_block(block: SLSTMBlock) -> Callable[..., Any]:
    forwards = block.forwards
    gate, up = zip(forwards.up.weight.chunk(2), forwards.up.bias.chunk(2), strict=True)
    return partial(
        oracles.slstm_block,
        weights=dense_gates(block.memory.cell),
        heads=block.normalize_heads.normalize.num_groups,
        norm=scale(block.normalize),
        head_norm=scale(block.normalize_heads.normalize),
        feed_norm=scale(forwards.normalize),
        gate=linear(*gate),
        up=linear(*up),
        down=linear(forwards.down.weight, forwards.down.bias),
    )


def mlstm_block(block: MLSTMBlock) -> Callable[..., Any]:
    inner = block.memory.cell.hidden_size
    up, gate = block.up.weight.chunk(2)
    cell = block.memory.cell
    i, f = zip(cell.input.chunk(2), cell.bias.chunk(2), strict=True)
    return partial(
        oracles.mlstm_block,
        heads=block.normalize_heads.normalize.num_groups,
        norm=scale(block.normalize),
        up=linear(up),
        gate=linear(gate),
        convolution=(block.convolution.weight.t().tolist(), block.convolution.bias.tolist()),
        q=linear(torch.block_diag(*block.query.blocks)),
        k=linear(torch.block_diag(*block.key.blocks)),
        v=linear(torch.eye(inner)),
        input=linear(*i),
        forget_gate=linear(*f),
        head_norm=scale(block.normalize_heads.normalize),
        skip=block.skip.tolist(),
        down=linear(block.down.weight),
    )
