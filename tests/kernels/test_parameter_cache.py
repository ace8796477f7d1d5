"""Tensors computed from a parameter are cached until the parameter changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from seqlstm.kernels import gemm
from seqlstm.kernels.gemv import MAX_ROWS
from seqlstm.kernels.parameter_cache import cached
from seqlstm.nn.linear import Linear
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.layer import Recurrent


class Counted:
    """Doubles a tensor and counts its calls."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, source: Tensor) -> Tensor:
        self.times += 1
        return source * 2


def add_one(parameter: nn.Parameter) -> None:
    with torch.no_grad():
        parameter.add_(1)


def other_memory(parameter: nn.Parameter) -> None:
    parameter.data = parameter.data + 1


def step(parameter: nn.Parameter, *, fused: bool) -> None:
    parameter.grad = -torch.ones_like(parameter)
    torch.optim.SGD([parameter], lr=1.0, fused=fused).step()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize(
    "change",
    [add_one, other_memory, partial(step, fused=False), partial(step, fused=True)],
    ids=["in place", "other memory", "a step", "a fused step"],
)
def test_it_is_cached_until_the_parameter_changes(
    mode: Callable[[], torch.no_grad], change: Callable[[nn.Parameter], None]
) -> None:
    parameter, double = nn.Parameter(torch.ones(3)), Counted()
    with mode():
        first, again = (cached(parameter, "double", double) for _ in range(2))
        assert first is again
    change(parameter)
    with mode():
        assert cached(parameter, "double", double).tolist() == [4, 4, 4]
    assert double.times == 2


def test_entries_of_one_parameter_differ_by_their_keys() -> None:
    parameter = nn.Parameter(torch.ones(2))
    with torch.no_grad():
        results = [cached(parameter, n, lambda source, n=n: source * n) for n in (2, 3)]
    assert [result.tolist() for result in results] == [[2, 2], [3, 3]]


def test_gradients_flow_through_it() -> None:
    parameter = nn.Parameter(torch.ones(2))
    for _ in range(2):
        parameter.grad = None
        cached(parameter, "double", Counted()).sum().backward()
        assert parameter.grad is not None
        assert parameter.grad.tolist() == [2, 2]


@pytest.mark.parametrize(
    "source", [torch.ones(2), nn.Parameter(torch.ones(2)) * 1], ids=["tensor", "computed"]
)
def test_only_parameters_are_cached(source: Tensor) -> None:
    double = Counted()
    with torch.no_grad():
        for _ in range(2):
            cached(source, "double", double)
    assert double.times == 2


def test_parameters_without_a_version_counter_are_not_cached() -> None:
    with torch.inference_mode():
        parameter = nn.Parameter(torch.ones(2))
        first = cached(parameter, "double", Counted())
        parameter.add_(1)
        assert cached(parameter, "double", Counted()).tolist() == [4, 4]
    assert first.tolist() == [2, 2]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_linear_equals_torchs_under_autocast(
    mode: Callable[[], torch.no_grad], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The kernels sum in another order, and have their own tests.
    monkeypatch.setattr(gemm, "gemm_library", lambda: None)
    ours = Linear(5, 3).to(dtype)
    theirs = nn.Linear(5, 3).to(dtype)
    theirs.load_state_dict(ours.state_dict())
    inputs = torch.randn(MAX_ROWS + 1, 5, dtype=dtype)
    with mode(), torch.autocast("cpu", torch.bfloat16):
        assert ours(inputs).dtype == theirs(inputs).dtype
        assert torch.equal(ours(inputs), theirs(inputs))
    add_one(ours.weight)
    add_one(theirs.weight)
    with mode(), torch.autocast("cpu", torch.bfloat16):  # torch keeps its casts inside one context
        assert torch.equal(ours(inputs), theirs(inputs))


def test_a_step_of_a_cell_reads_its_current_weights() -> None:
    layer, inputs = Recurrent(LSTM(3, 4)).eval(), torch.randn(1, 2, 3)
    with torch.no_grad():
        before, _ = layer(inputs, (torch.ones(2, 4), torch.ones(2, 4)))
        for parameter in layer.parameters():
            parameter.mul_(2)
        after, _ = layer(inputs, (torch.ones(2, 4), torch.ones(2, 4)))
        layer.backend = "loop"
        expected, _ = layer(inputs, (torch.ones(2, 4), torch.ones(2, 4)))
    assert not torch.equal(before, after)
    torch.testing.assert_close(after, expected)
