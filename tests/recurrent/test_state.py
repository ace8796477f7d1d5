"""Operations on states, for a nested state."""

from __future__ import annotations

import torch

from seqlstm.recurrent.state import detach, map_state, select, where
from tests.recurrent.cases import assert_same, leaves, noise


def nested(seed: int) -> tuple[object, ...]:
    """A state of three rows: for each a vector, a matrix and, nested, a number."""
    return noise(3, 2, seed=seed), (noise(3, 2, 2, seed=seed + 1), (noise(3, seed=seed + 2),))


def test_map_reaches_every_tensor_and_keeps_the_nesting() -> None:
    one, other = nested(1), nested(10)
    (vector, (matrix, (number,))) = map_state(torch.add, one, other)
    wanted = [left + right for left, right in zip(leaves(one), leaves(other), strict=True)]
    assert_same((vector, matrix, number), tuple(wanted))
    assert map_state(torch.neg, ()) == ()


def test_select_returns_rows_in_the_order_of_the_indices() -> None:
    state, rows = nested(1), torch.tensor([2, 0, 0, 1])
    assert_same(select(state, rows), tuple(leaf[rows] for leaf in leaves(state)))


def test_detached_states_have_no_gradient() -> None:
    state = map_state(lambda leaf: leaf.requires_grad_() * 2, nested(1))
    assert all(leaf.requires_grad for leaf in leaves(state))
    assert not any(leaf.requires_grad for leaf in leaves(detach(state)))
    assert_same(detach(state), state)


def test_where_chooses_row_by_row() -> None:
    state, other = nested(1), nested(10)
    chosen = where(torch.tensor([True, False, True]), state, other)
    for row, source in enumerate((state, other, state)):
        index = torch.tensor([row])
        assert_same(select(chosen, index), select(source, index))


def test_infinite_rows_do_not_reach_other_rows() -> None:
    finite = torch.tensor([3.0, 4.0], requires_grad=True)
    infinite = torch.full((2,), -torch.inf)
    (chosen,) = where(torch.tensor([True, False]), (finite,), (infinite,))
    assert chosen.tolist() == [3.0, -torch.inf]
    chosen[0].backward()
    assert finite.grad.tolist() == [1.0, 0.0]
