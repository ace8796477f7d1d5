"""The algebra of states, on a nested one."""

from __future__ import annotations

import torch

from seqlstm.recurrent.state import detach, keep, map_state, select
from tests.recurrent.cases import assert_same, leaves, noise


def nested(seed: int) -> tuple[object, ...]:
    """A state of three rows: a vector and a matrix for each, and a number inside."""
    return noise(3, 2, seed=seed), (noise(3, 2, 2, seed=seed + 1), (noise(3, seed=seed + 2),))


def test_map_reaches_every_tensor_and_keeps_the_nesting() -> None:
    one, other = nested(1), nested(10)
    (vector, (matrix, (number,))) = map_state(torch.add, one, other)
    wanted = [left + right for left, right in zip(leaves(one), leaves(other), strict=True)]
    assert_same((vector, matrix, number), tuple(wanted))
    assert map_state(torch.neg, ()) == ()


def test_select_takes_rows_in_the_order_given() -> None:
    state, rows = nested(1), torch.tensor([2, 0, 0, 1])
    assert_same(select(state, rows), tuple(leaf[rows] for leaf in leaves(state)))


def test_detach_cuts_the_graph() -> None:
    state = map_state(lambda leaf: leaf.requires_grad_() * 2, nested(1))
    assert all(leaf.requires_grad for leaf in leaves(state))
    assert not any(leaf.requires_grad for leaf in leaves(detach(state)))
    assert_same(detach(state), state)


def test_keep_chooses_row_by_row() -> None:
    new, old = nested(1), nested(10)
    kept = keep(torch.tensor([True, False, True]), new, old)
    for row, source in enumerate((new, old, new)):
        index = torch.tensor([row])
        assert_same(select(kept, index), select(source, index))


def test_keep_leaves_no_trace_of_what_is_infinite() -> None:
    number = torch.tensor([3.0, 4.0], requires_grad=True)
    endless = torch.full((2,), -torch.inf)
    (kept,) = keep(torch.tensor([True, False]), (number,), (endless,))
    assert kept.tolist() == [3.0, -torch.inf]
    kept[0].backward()
    assert number.grad.tolist() == [1.0, 0.0]
