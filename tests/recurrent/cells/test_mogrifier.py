"""The mogrifier's rounds: what none of them, one more or a low rank means."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from seqlstm.recurrent.cells.base import Cell, GatedCell
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.cells.mogrifier import MogrifierLSTM
from tests.recurrent.cases import BATCH, HIDDEN, TIME, WIDTH, Case, assert_same, noise, unroll


def outputs(cell: Cell) -> Tensor:
    return unroll(cell, noise(TIME, BATCH, WIDTH), cell.initial_state(BATCH))[0].detach()


def mogrifier(**options: int) -> MogrifierLSTM:
    cell = Case("mogrifier", options).build()
    assert isinstance(cell, MogrifierLSTM)
    return cell


def share(source: MogrifierLSTM, target: GatedCell) -> None:
    """The target takes the source's parameters, as far as it has them."""
    known = target.state_dict()
    source_of = source.state_dict()
    target.load_state_dict({name: source_of[name] for name in known})


def test_without_rounds_it_is_an_lstm() -> None:
    cell, lstm = mogrifier(rounds=0), LSTM(WIDTH, HIDDEN).double()
    share(cell, lstm)
    assert_same(outputs(cell), outputs(lstm))


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_matrices_of_zeros_change_nothing(rounds: int, rank: int) -> None:
    cell, lstm = mogrifier(rounds=rounds, rank=rank), LSTM(WIDTH, HIDDEN).double()
    share(cell, lstm)
    assert not torch.allclose(outputs(cell), outputs(lstm))
    for matrix in cell.rounds.parameters():
        nn.init.zeros_(matrix)
    assert_same(outputs(cell), outputs(lstm))


@pytest.mark.parametrize("rounds", [1, 2, 3, 4, 5])
def test_each_round_counts(rounds: int) -> None:
    cell, shorter = mogrifier(rounds=rounds), mogrifier(rounds=rounds - 1)
    share(cell, shorter)
    assert not torch.allclose(outputs(cell), outputs(shorter))
    nn.init.zeros_(cell.rounds[-1][0].weight)
    assert_same(outputs(cell), outputs(shorter))


def test_a_low_rank_is_a_product_of_two_matrices() -> None:
    low, full = mogrifier(rounds=3, rank=2), mogrifier(rounds=3)
    for target, (first, then) in zip(full.rounds, low.rounds, strict=True):
        assert (first.out_features, then.in_features) == (2, 2)
        target[0].weight.data = (then.weight @ first.weight).detach()
    for name in ("input", "recurrent", "bias"):
        getattr(full, name).data = getattr(low, name).data
    assert_same(outputs(low), outputs(full))


@pytest.mark.parametrize("rank", [0, 8])
def test_a_new_one_changes_its_input_and_state_little(rank: int) -> None:
    torch.manual_seed(1)
    cell = MogrifierLSTM(64, 48, rank=rank)
    for index, matrix in enumerate(cell.rounds):
        factors = 2 * matrix(torch.randn(200, 64 if index % 2 else 48)).sigmoid()
        assert 0.02 < factors.std() < 0.1
        assert (factors - 1.0).abs().max() < 0.4


def test_rounds_alternate_between_input_and_state() -> None:
    cell = MogrifierLSTM(WIDTH, HIDDEN, rounds=3)
    assert [tuple(matrix[0].weight.shape) for matrix in cell.rounds] == [
        (WIDTH, HIDDEN),
        (HIDDEN, WIDTH),
        (WIDTH, HIDDEN),
    ]


@pytest.mark.parametrize("bias", [1.0, 2.5])
def test_a_new_cell_forgets_by_its_forget_bias_once(bias: float) -> None:
    cell = MogrifierLSTM(WIDTH, HIDDEN, forget_bias=bias)
    held = (torch.zeros(1, HIDDEN), torch.ones(1, HIDDEN))
    _, (_, remembered) = cell.step(cell.project(torch.zeros(1, 1, WIDTH))[0], held)
    assert_same(remembered, torch.tensor(bias).sigmoid().expand(1, HIDDEN), rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("option", ["rounds", "rank"])
def test_counts_are_not_negative(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} must not be negative, was: -1"):
        MogrifierLSTM(WIDTH, HIDDEN, **{option: -1})
