"""Matrix products and their gradients equal those in float64, for all strides of the matrices."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seqlstm.kernels import gemm as module
from seqlstm.kernels.gemm import (
    MIN_ROWS,
    gemm,
    gemm_library,
    gemm_reference,
    linear_gemm,
    pack,
    pack_matrix,
)
from seqlstm.kernels.gemv import MAX_ROWS
from seqlstm.kernels.packing import PackedLayout
from seqlstm.nn import linear as nn_linear

needs_code = pytest.mark.skipif(gemm_library() is None, reason="this machine multiplies otherwise")
SIZES = [
    (MIN_ROWS, 7, 4),
    (129, 32, 64),
    (300, 70, 91),
    (513, 257, 302),
    (600, 40, 5001),
    (200, 1, 1),
]

every_size = pytest.mark.parametrize(("rows", "columns", "depth"), SIZES)


def lying(matrix: Tensor, how: str) -> Tensor:
    """The same matrix with contiguous rows, contiguous columns, or neither."""
    if how == "columns":
        return matrix.t().contiguous().t()
    if how == "neither":
        return torch.stack([matrix, matrix], -1)[..., 0]
    return matrix.contiguous()


def factors(rows: int, columns: int, *, seed: int = 1) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)).bfloat16()


@needs_code
@every_size
@pytest.mark.parametrize("left_lies", ["rows", "columns", "neither"])
@pytest.mark.parametrize("right_lies", ["rows", "columns", "neither"])
@pytest.mark.parametrize("has_bias", [True, False])
def test_product(
    rows: int, columns: int, depth: int, left_lies: str, right_lies: str, *, has_bias: bool
) -> None:
    left, right = factors(rows, depth), factors(depth, columns, seed=2)
    bias = torch.randn(columns) if has_bias else None
    exact = left.double() @ right.double() + (0 if bias is None else bias.double())
    arguments = lying(left, left_lies), lying(right, right_lies)
    bound = depth**0.5
    result = gemm(*arguments, bias, dtype=torch.float32)
    torch.testing.assert_close(result.double(), exact, rtol=1e-5, atol=1e-5 * bound)
    rounded = gemm(*arguments, bias)
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded, result.bfloat16(), rtol=0, atol=0)


@needs_code
@every_size
@pytest.mark.parametrize("lies", ["columns", "rows"])
def test_sums_of_rows(rows: int, columns: int, depth: int, lies: str) -> None:
    left, sums = lying(factors(rows, depth), lies), torch.full((rows,), 7.0)
    gemm(left, factors(depth, columns), sums=sums)
    torch.testing.assert_close(sums, left.float().sum(1), rtol=1e-5, atol=1e-3)


@needs_code
def test_parts_of_larger_matrices() -> None:
    whole, other = factors(400, 90), factors(90, 80, seed=2)
    result = gemm(whole[100:300, 10:50], other[10:50, 3:70], dtype=torch.float32)
    exact = whole[100:300, 10:50].float() @ other[10:50, 3:70].float()
    torch.testing.assert_close(result, exact, rtol=1e-5, atol=1e-4)


@needs_code
def test_the_number_of_threads_changes_nothing() -> None:
    left, right = factors(700, 300), factors(300, 130, seed=2)
    threads = torch.get_num_threads()
    results = []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        results.append(gemm(left.t().contiguous().t(), right, dtype=torch.float32))
    torch.set_num_threads(threads)
    for result in results[1:]:
        assert torch.equal(result, results[0])


@needs_code
def test_nan_stays_in_its_row_and_column() -> None:
    left, right = factors(MIN_ROWS, 6), factors(6, 40, seed=2)
    left[3, 2], right[4, 5] = torch.nan, torch.nan
    result = gemm(left, right)
    expected = torch.zeros(MIN_ROWS, 40, dtype=torch.bool)
    expected[3], expected[:, 5] = True, True
    assert torch.equal(result.isnan(), expected)


def layer(inputs: int, outputs: int) -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(inputs, outputs)


def passed(
    linear: Callable[..., Tensor], made: nn.Linear, inputs: Tensor, weighted: Tensor
) -> tuple[Tensor, ...]:
    """Outputs, and the gradients of inputs and parameters."""
    with torch.autocast("cpu", torch.bfloat16):
        result = linear(inputs, made.weight, made.bias)
    gradients = torch.autograd.grad((result * weighted).sum(), (inputs, *made.parameters()))
    return result.detach(), *gradients


@needs_code
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("outputs", [MIN_ROWS, MIN_ROWS + 1])
def test_linear_and_its_gradients(dtype: torch.dtype, outputs: int) -> None:
    made, inputs = layer(36, outputs), torch.randn(11, 40, 36).to(dtype).requires_grad_()
    weighted = torch.randn(11, 40, outputs).bfloat16()
    result, d_inputs, d_weight, d_bias = passed(nn_linear.linear, made, inputs, weighted)
    x, W = inputs.detach().bfloat16().double(), made.weight.bfloat16().double()
    d_result = weighted.double()
    assert (result.dtype, d_inputs.dtype) == (torch.bfloat16, dtype)
    torch.testing.assert_close(
        result.double(), x @ W.t() + made.bias.double(), rtol=2**-8, atol=1e-5
    )
    torch.testing.assert_close(d_inputs.double(), d_result @ W, rtol=2**-8, atol=1e-5)
    exact = torch.einsum("tbo,tbi->oi", d_result, x)
    torch.testing.assert_close(d_weight.double(), exact, rtol=1e-5, atol=1e-4)  # not rounded
    torch.testing.assert_close(d_bias.double(), d_result.sum((0, 1)), rtol=1e-5, atol=1e-4)


@needs_code
@pytest.mark.parametrize("frozen", ["inputs", "weight", "bias", "weight and bias"])
def test_frozen_parameters_get_no_gradient(frozen: str) -> None:
    made, inputs = layer(6, 10), torch.randn(MIN_ROWS, 6)
    made.weight.requires_grad_("weight" not in frozen)
    made.bias.requires_grad_("bias" not in frozen)
    inputs.requires_grad_(frozen != "inputs")
    with torch.autocast("cpu", torch.bfloat16):
        nn_linear.linear(inputs, made.weight, made.bias).float().sum().backward()
    assert (inputs.grad is None) == (frozen == "inputs")
    assert (made.weight.grad is None) == ("weight" in frozen)
    assert (made.bias.grad is None) == ("bias" in frozen)
    if made.bias.grad is not None:
        torch.testing.assert_close(made.bias.grad, torch.full((10,), float(MIN_ROWS)))


@needs_code
def test_without_a_bias() -> None:
    made = layer(6, 10)
    with torch.autocast("cpu", torch.bfloat16):
        result = nn_linear.linear(torch.ones(MIN_ROWS, 6), made.weight)
        result.float().sum().backward()
    assert made.weight.grad is not None
    torch.testing.assert_close(made.weight.grad, torch.full((10, 6), float(MIN_ROWS)))


@needs_code
def test_without_gradients_the_matrix_is_packed_once_and_not_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, inputs = layer(30, 50), torch.randn(MIN_ROWS, 30)
    packed: list[Tensor] = []

    def counted(code: ctypes.CDLL, matrix: Tensor) -> Tensor:
        packed.append(matrix)
        return pack(code, matrix)

    monkeypatch.setattr(module, "pack", counted)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for times in (1, 2):
            made.weight.mul_(times)
            W = made.weight.bfloat16().double()
            exact = inputs.bfloat16().double() @ W.t() + made.bias.double()
            for rows in (MIN_ROWS, MIN_ROWS, MAX_ROWS):  # gemv reads the same packed copy
                result = nn_linear.linear(inputs[:rows], made.weight, made.bias)
                torch.testing.assert_close(result.double(), exact[:rows], rtol=2**-8, atol=1e-5)
    assert len(packed) == 2


@needs_code
def test_a_tensor_that_is_no_parameter_is_packed_only_for_many_rows() -> None:
    weight = torch.randn(20, 30)
    with torch.no_grad():
        assert linear_gemm(torch.ones(MIN_ROWS - 1, 30), weight, None, torch.bfloat16) is None
        assert linear_gemm(torch.ones(MIN_ROWS, 30), weight, None, torch.bfloat16) is not None
        assert (
            linear_gemm(torch.ones(1, 30), layer(30, 20).weight, None, torch.bfloat16) is not None
        )


@needs_code
def test_a_row_does_not_depend_on_the_others() -> None:
    made, inputs = layer(70, 90), torch.randn(3 * MIN_ROWS, 70)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        whole = nn_linear.linear(inputs, made.weight, made.bias)
        for rows in (1, MAX_ROWS, MAX_ROWS + 1, 50, MIN_ROWS):
            assert torch.equal(
                nn_linear.linear(inputs[:rows], made.weight, made.bias), whole[:rows]
            )


@needs_code
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("outputs", [1, 31, 33, 64, 200])
@pytest.mark.parametrize("rows", [9, 17, 64, 65])
def test_fewer_rows_by_any_number_of_threads(rows: int, outputs: int, threads: int) -> None:
    made, inputs, before = layer(70, outputs), torch.randn(rows, 70), torch.get_num_threads()
    torch.set_num_threads(threads)
    with torch.no_grad():
        result = linear_gemm(inputs, made.weight, made.bias, torch.bfloat16)
    torch.set_num_threads(before)
    assert result is not None
    exact = inputs.bfloat16().double() @ made.weight.bfloat16().double().t() + made.bias.double()
    torch.testing.assert_close(result.double(), exact, rtol=2**-8, atol=1e-5)


@needs_code
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("transposed", [False, True])
def test_packing_in_c_is_that_of_the_layout(heads: int, *, transposed: bool) -> None:
    code = gemm_library()
    assert code is not None
    layout = PackedLayout.of(code)
    for rows, columns in ((64, 48), (40, 16), (64, 7)):
        blocks = factors(heads * rows, columns).view(heads, rows, columns)
        if transposed:
            blocks = blocks.mT.contiguous().mT
        result, expected = pack_matrix(blocks, layout), layout.pack(blocks)
        assert result.shape == expected.shape
        last = rows - (expected.shape[1] - 1) * layout.width  # the others are undefined
        assert torch.equal(result[:, :-1], expected[:, :-1])
        assert torch.equal(result[:, -1, :, :last], expected[:, -1, :, :last])


@pytest.mark.parametrize(
    ("inputs", "weight", "bias"),
    [
        (torch.ones(MIN_ROWS - 1, 6), torch.ones(4, 6), None),
        (torch.ones(MIN_ROWS, 6), torch.ones(4, 6).bfloat16(), None),
        (torch.ones(MIN_ROWS, 6), torch.ones(4, 6).double(), None),
        (torch.ones(MIN_ROWS, 6), torch.ones(4, 6), torch.ones(4).bfloat16()),
        (torch.ones(MIN_ROWS, 6, device="meta"), torch.ones(4, 6, device="meta"), None),
        (torch.ones(MIN_ROWS, 5), torch.ones(4, 6), None),
        (torch.ones(MIN_ROWS, 6), torch.ones(4, 6), torch.ones(5)),
    ],
    ids=["rows", "bfloat16", "float64", "bias in bfloat16", "device", "columns", "bias"],
)
def test_linear_gemm_does_not_apply(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    assert linear_gemm(inputs, weight, bias, torch.bfloat16) is None


@needs_code
@every_size
@pytest.mark.parametrize("dtype", [None, torch.float32])
@pytest.mark.parametrize("has_bias", [True, False])
def test_it_equals_its_reference(
    rows: int, columns: int, depth: int, dtype: torch.dtype | None, *, has_bias: bool
) -> None:
    left, right = factors(rows, depth), factors(depth, columns, seed=2)
    bias = torch.randn(columns) if has_bias else None
    sums, reference_sums = torch.empty(rows), torch.empty(rows)
    result = gemm(left, right, bias, dtype=dtype, sums=sums)
    reference = gemm_reference(left, right, bias, dtype=dtype, sums=reference_sums)
    # The reference rounds the bias and the result to bfloat16.
    torch.testing.assert_close(result, reference, rtol=2**-7, atol=3e-2)
    torch.testing.assert_close(sums, reference_sums, rtol=1e-5, atol=1e-3)


def test_without_the_library_the_reference_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right, bias = factors(MIN_ROWS, 30), factors(30, 20, seed=2), torch.randn(20)
    monkeypatch.setattr(module, "gemm_library", lambda: None)
    result = gemm(left, right, bias, dtype=torch.float32)
    assert result.dtype == torch.float32
    assert torch.equal(result, gemm_reference(left, right, bias, dtype=torch.float32))
    assert linear_gemm(left.float(), right.t().float(), bias, torch.bfloat16) is None


def test_float32_is_the_reference() -> None:
    left, right = torch.randn(MIN_ROWS, 30), torch.randn(30, 20)
    assert torch.equal(gemm(left, right), gemm_reference(left, right))
