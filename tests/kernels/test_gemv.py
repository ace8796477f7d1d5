"""Products of a few rows equal those of torch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from seqlstm.kernels.compiler import read_source
from seqlstm.kernels.gemv import KERNEL, MAX_ROWS, gemv, gemv_reference
from seqlstm.nn import linear as nn_linear

needs_code = pytest.mark.skipif(
    KERNEL.library(torch.float32) is None, reason="nothing is compiled here"
)


def matrix(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns) * columns**-0.5)


@needs_code
@pytest.mark.parametrize("rows", range(1, MAX_ROWS + 1))
@pytest.mark.parametrize(("wide", "deep"), [(1, 1), (33, 7), (64, 32), (97, 50)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_float32(rows: int, wide: int, deep: int, *, has_bias: bool) -> None:
    weight, inputs = matrix(wide, deep), torch.randn(rows, deep)
    bias = torch.randn(wide) if has_bias else None
    with torch.no_grad():
        result = gemv(inputs, weight, bias, torch.float32)
        torch.testing.assert_close(result, linear(inputs, weight, bias), rtol=1e-5, atol=1e-6)


@needs_code
@pytest.mark.parametrize(("wide", "deep"), [(1, 1), (33, 7), (64, 32), (97, 50)])
def test_bfloat16_is_rounded_only_twice(wide: int, deep: int) -> None:
    """The factors, and the sum, to which the bias is added in float32."""
    weight, inputs, bias = matrix(wide, deep), torch.randn(3, deep), torch.randn(wide)
    with torch.no_grad():
        result = gemv(inputs, weight, bias, torch.bfloat16)
        assert result.dtype == torch.bfloat16
        exact = linear(inputs.bfloat16().double(), weight.bfloat16().double(), bias.double())
        torch.testing.assert_close(result.double(), exact, rtol=2**-8, atol=1e-5)


@needs_code
def test_axes_before_the_last_are_rows() -> None:
    weight, inputs = matrix(6, 5), torch.randn(5, 2, 4).transpose(0, 2)
    with torch.no_grad():
        result = gemv(inputs, weight, None, torch.float32)
        torch.testing.assert_close(result, linear(inputs, weight))


@needs_code
def test_a_changed_matrix_is_packed_again() -> None:
    weight, inputs = matrix(6, 5), torch.randn(2, 5)
    with torch.no_grad():
        gemv(inputs, weight, None, torch.float32)
        weight.mul_(2)
        result = gemv(inputs, weight, None, torch.float32)
        torch.testing.assert_close(result, linear(inputs, weight))


@needs_code
def test_nan_is_nan() -> None:
    weight, inputs = matrix(3, 5), torch.ones(1, 5)
    with torch.no_grad():
        weight[1, 2] = torch.nan
        result = gemv(inputs, weight, None, torch.bfloat16)
    assert result.isnan().tolist() == [[False, True, False]]


@pytest.mark.parametrize(
    ("inputs", "weight", "dtype"),
    [
        (torch.ones(MAX_ROWS + 1, 5), matrix(6, 5), torch.float32),
        (torch.ones(0, 5), matrix(6, 5), torch.float32),
        (torch.ones(2, 5), torch.ones(6, 5), torch.float32),
        (torch.ones(2, 5), nn.Parameter(torch.ones(6, 5).double()), torch.float64),
        (torch.ones(2, 5), nn.Parameter(torch.ones(6, 5).bfloat16()), torch.bfloat16),
        (torch.ones(2, 5), matrix(6, 5), torch.float16),
        (torch.ones(2, 5, device="meta"), nn.Parameter(matrix(6, 5).to("meta")), torch.float32),
    ],
    ids=["rows", "no row", "tensor", "float64", "all bfloat16", "float16", "device"],
)
def test_other_calls_run_the_reference(
    inputs: Tensor, weight: Tensor, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*types: torch.dtype) -> None:
        raise AssertionError("the C code was used")

    monkeypatch.setattr(KERNEL, "library", refused)
    with torch.no_grad():
        result, reference = (f(inputs, weight, None, dtype) for f in (gemv, gemv_reference))
    assert (result.shape, result.dtype) == ((len(inputs), 6), dtype)
    assert result.is_meta or torch.equal(result, reference)


@needs_code
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, MAX_ROWS])
@pytest.mark.parametrize(("wide", "deep"), [(33, 7), (64, 32)])
def test_it_equals_its_reference(rows: int, wide: int, deep: int, dtype: torch.dtype) -> None:
    weight, inputs, bias = matrix(wide, deep), torch.randn(rows, deep), torch.randn(wide)
    with torch.no_grad():
        result, reference = (f(inputs, weight, bias, dtype) for f in (gemv, gemv_reference))
    # In bfloat16 the reference rounds the bias and the product too.
    exact = {"rtol": 1e-5, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 0.02, "atol": 0.02}
    torch.testing.assert_close(result, reference, **exact)


@needs_code
def test_no_call_has_more_rows_than_a_block_of_the_c_code() -> None:
    assert f"#define ROWS {MAX_ROWS} " in read_source("packed_gemm.h")


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_linear_is_the_same_with_it_and_without(
    mode: Callable[[], torch.no_grad], monkeypatch: pytest.MonkeyPatch
) -> None:
    weight, inputs, bias = matrix(40, 30), torch.randn(2, 30), torch.randn(40)
    with mode():
        result = nn_linear.linear(inputs, weight, bias)
        monkeypatch.setattr(KERNEL, "library", lambda *types: None)
        torch.testing.assert_close(result, nn_linear.linear(inputs, weight, bias))


def test_wrong_shapes_are_refused() -> None:
    with torch.no_grad():
        for wrong in (torch.ones(2, 6), torch.ones(2, 5).bfloat16()):
            with pytest.raises(RuntimeError):
                nn_linear.linear(wrong, matrix(4, 5))
        with pytest.raises(RuntimeError):
            nn_linear.linear(torch.ones(2, 5), matrix(4, 5), torch.ones(3))


def test_gradients_equal_those_of_torch() -> None:
    weight, inputs = matrix(4, 3), torch.randn(2, 3, requires_grad=True)
    result = torch.autograd.grad(nn_linear.linear(inputs, weight).square().sum(), (weight, inputs))
    expected = torch.autograd.grad(linear(inputs, weight).square().sum(), (weight, inputs))
    torch.testing.assert_close(result, expected)
