"""The nine variants: each is V but for one change."""

from __future__ import annotations

import inspect
from typing import Any, get_args, get_type_hints

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.cells.odyssey import VARIANTS, odyssey
from tests.recurrent.cases import (
    BATCH,
    CASES,
    HIDDEN,
    TIME,
    WIDTH,
    Case,
    assert_same,
    noise,
    randomise,
    unroll,
)

OPEN = 40.0  # σ of it is 1 in float64


def outputs(cell: Any) -> Tensor:
    """From a state that no variant would reach at once: memory everywhere."""
    held = tuple(noise(BATCH, HIDDEN, seed=index) for index in range(len(cell.state_names)))
    return unroll(cell, noise(TIME, BATCH, WIDTH), held)[0]


def pair(variant: str) -> tuple[Any, Any]:
    """V and the variant, random, with the same numbers wherever both have them."""
    vanilla, other = (Case("odyssey", {"variant": name}).build() for name in ("V", variant))
    with torch.no_grad():
        for name in other.gates:
            for own, theirs in ((other.input, vanilla.input), (other.recurrent, vanilla.recurrent)):
                other.gate(own, name).copy_(vanilla.gate(theirs, name))
            other.gate(other.bias, name).copy_(vanilla.gate(vanilla.bias, name))
        for name in other.peephole_gates:
            peephole_of(other, name).copy_(peephole_of(vanilla, name))
    return vanilla, other


def peephole_of(cell: Any, name: str) -> Tensor:
    """A view of one gate's peephole."""
    start = cell.peephole_gates.index(name) * HIDDEN
    return cell.peephole.detach()[start : start + HIDDEN]


def clear(cell: Any, name: str, *, bias: float) -> None:
    """Makes a gate blind to all but its bias."""
    for parameter in (cell.input, cell.recurrent):
        cell.gate(parameter, name).zero_()
    peephole_of(cell, name).zero_()
    cell.gate(cell.bias, name).fill_(bias)


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "V"])
def test_each_variant_is_another_function_than_v(variant: str) -> None:
    vanilla, other = pair(variant)
    assert (outputs(vanilla) - outputs(other)).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("variant", "gate"), [("NIG", "input"), ("NFG", "forget"), ("NOG", "output")]
)
def test_without_a_gate_is_v_with_that_gate_open(variant: str, gate: str) -> None:
    vanilla, other = pair(variant)
    clear(vanilla, gate, bias=OPEN)
    assert_same(outputs(other), outputs(vanilla))


def test_np_is_v_with_peepholes_of_zero() -> None:
    vanilla, other = pair("NP")
    vanilla.peephole.detach().zero_()
    assert not hasattr(other, "peephole")
    assert_same(outputs(other), outputs(vanilla))


def test_cifg_is_v_whose_forget_gate_sees_the_opposite_of_its_input_gate() -> None:
    vanilla, other = pair("CIFG")
    for parameter in (vanilla.input, vanilla.recurrent, vanilla.bias):
        vanilla.gate(parameter, "forget").copy_(-vanilla.gate(parameter, "input"))
    peephole_of(vanilla, "forget").copy_(-peephole_of(vanilla, "input"))
    assert_same(outputs(other), outputs(vanilla))


def test_fgr_is_v_where_no_gate_reads_a_gate() -> None:
    vanilla, other = pair("FGR")
    other.gate_recurrent.detach().zero_()
    assert_same(outputs(other), outputs(vanilla))


def test_without_an_activation_is_v_where_tanh_is_as_good_as_straight() -> None:
    small = 1e-6
    for variant in ("NIAF", "NOAF"):
        vanilla, other = pair(variant)
        for cell in (vanilla, other):
            for parameter in (cell.input, cell.recurrent, cell.bias):
                cell.gate(parameter, "candidate").mul_(small)
        nothing = [
            tuple(torch.zeros_like(part) for part in cell.initial_state(BATCH))
            for cell in (vanilla, other)
        ]
        inputs = noise(TIME, BATCH, WIDTH)
        straight, squashed = (
            unroll(cell, inputs, state)[0]
            for cell, state in zip((other, vanilla), nothing, strict=True)
        )
        assert squashed.abs().max() > 0.01 * small
        assert_same(straight, squashed, rtol=1e-9, atol=0.0)


def test_the_matrices_between_gates_start_orthogonal_one_by_one() -> None:
    cell = odyssey(WIDTH, HIDDEN, variant="FGR").double()
    for rows in cell.gate_recurrent.chunk(3):
        for matrix in rows.chunk(3, dim=1):
            identity = torch.eye(HIDDEN, dtype=torch.float64)
            assert_same(matrix @ matrix.T, identity, rtol=0.0, atol=1e-5)


def test_the_candidate_of_fgr_reads_no_gate() -> None:
    cell = randomise(odyssey(WIDTH, HIDDEN, variant="FGR").double())
    _, _, candidate, _ = cell.recurrent_matrix().chunk(4)
    assert candidate[:, :HIDDEN].all()
    assert not candidate[:, HIDDEN:].any()


def test_every_variant_that_a_recipe_may_name_is_there_and_tried() -> None:
    words = get_args(get_type_hints(odyssey)["variant"])
    assert words == tuple(VARIANTS)
    assert {case.options["variant"] for case in CASES if case.kind == "odyssey"} == set(words)
    assert inspect.signature(odyssey).parameters["variant"].default == "V"


def test_nfg_takes_no_forget_bias() -> None:
    with pytest.raises(ValueError, match="NFG has no forget gate"):
        odyssey(WIDTH, HIDDEN, variant="NFG", forget_bias=2.0)
