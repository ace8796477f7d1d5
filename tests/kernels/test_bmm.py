"""Batched matrix products equal those in float64, for all strides of the matrices."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqlstm.kernels import bmm as module
from seqlstm.kernels.bmm import bmm, bmm_reference
from seqlstm.kernels.gemm import gemm_library

needs_code = pytest.mark.skipif(gemm_library() is None, reason="this machine multiplies otherwise")
# pairs along two axes, rows, columns, depth
SIZES = [
    (3, 1, 5, 14, 32),
    (2, 4, 8, 32, 64),
    (1, 1, 1, 1, 1),
    (5, 2, 9, 33, 13),
    (2, 3, 40, 70, 7),
    (64, 1, 1, 512, 15),
    (2, 1, 17, 25, 302),
]
every_size = pytest.mark.parametrize("size", SIZES, ids=str)


def lying(matrices: Tensor, how: str) -> Tensor:
    """The same matrices with contiguous rows, contiguous columns, or neither."""
    if how == "columns":
        return matrices.mT.contiguous().mT
    if how == "neither":
        return torch.stack([matrices, matrices], -1)[..., 0]
    if how == "heads":  # as attention splits features
        return matrices.transpose(1, 2).contiguous().transpose(1, 2)
    return matrices.contiguous()


def factors(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).bfloat16()


@needs_code
@every_size
@pytest.mark.parametrize("left_lies", ["rows", "columns", "neither", "heads"])
@pytest.mark.parametrize("right_lies", ["rows", "columns", "neither", "heads"])
def test_product(size: tuple[int, ...], left_lies: str, right_lies: str) -> None:
    outer, inner, rows, columns, depth = size
    left = factors(outer, inner, rows, depth)
    right = factors(outer, inner, depth, columns, seed=2)
    exact = left.double() @ right.double()
    arguments = lying(left, left_lies), lying(right, right_lies)
    result = bmm(*arguments, dtype=torch.float32)
    torch.testing.assert_close(result.double(), exact, rtol=1e-5, atol=1e-5 * depth**0.5)
    rounded = bmm(*arguments)
    assert rounded.dtype == torch.bfloat16
    assert torch.equal(rounded, result.bfloat16())


@needs_code
def test_batches_with_one_axis() -> None:
    left, right = factors(3, 4, 6), factors(3, 6, 5, seed=2)
    result = bmm(left, right, dtype=torch.float32)
    torch.testing.assert_close(result, left.float() @ right.float(), rtol=1e-5, atol=1e-5)


@needs_code
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("heads", [1, 2])
def test_gradients(dtype: torch.dtype, heads: int) -> None:
    left = factors(3, heads, 9, 13).requires_grad_()
    right = lying(factors(3, heads, 13, 21, seed=2), "heads").requires_grad_()
    weighted = factors(3, heads, 9, 21, seed=3)
    result = bmm(left, right, dtype=dtype)
    assert result.dtype == dtype
    d_left, d_right = torch.autograd.grad((result * weighted).sum(), (left, right))
    assert d_left.dtype == d_right.dtype == torch.bfloat16
    torch.testing.assert_close(d_left, (weighted.float() @ right.float().mT).bfloat16())
    torch.testing.assert_close(d_right, (left.float().mT @ weighted.float()).bfloat16())


@needs_code
@pytest.mark.parametrize("frozen", [0, 1])
def test_a_frozen_factor_gets_no_gradient(frozen: int) -> None:
    pair = [factors(2, 3, 4), factors(2, 4, 5)]
    pair[1 - frozen].requires_grad_()
    bmm(pair[0], pair[1]).float().sum().backward()
    assert pair[frozen].grad is None
    assert pair[1 - frozen].grad is not None


@needs_code
def test_numbers_after_an_odd_line_are_not_read() -> None:
    whole, right = factors(2, 3, 8), factors(2, 5, 4, seed=2)
    whole[..., 5:] = torch.nan
    result = bmm(whole[..., :5], right)
    assert not result.isnan().any()


@needs_code
def test_nan_stays_in_its_row_and_column() -> None:
    left, right = factors(2, 3, 5), factors(2, 5, 40, seed=2)
    left[1, 2, 4], right[0, 3, 37] = torch.nan, torch.nan
    expected = torch.zeros(2, 3, 40, dtype=torch.bool)
    expected[1, 2], expected[0, :, 37] = True, True
    assert torch.equal(bmm(left, right).isnan(), expected)


@needs_code
def test_the_number_of_threads_changes_nothing() -> None:
    left, right = factors(7, 2, 9, 30), factors(7, 2, 30, 13, seed=2)
    threads = torch.get_num_threads()
    results = []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        results.append(bmm(left, right, dtype=torch.float32))
    torch.set_num_threads(threads)
    for result in results[1:]:
        assert torch.equal(result, results[0])


@needs_code
@pytest.mark.parametrize("shapes", [((0, 3, 4), (0, 4, 5)), ((2, 0, 4), (2, 4, 5))])
def test_empty_matrices(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    left, right = (factors(*shape) for shape in shapes)
    assert bmm(left, right).shape == (left @ right).shape


def test_float32_is_the_reference() -> None:
    left, right = torch.randn(2, 3, 4), torch.randn(2, 4, 5)
    assert torch.equal(bmm(left, right), bmm_reference(left, right))


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(RuntimeError, match="size"):
        bmm(factors(2, 3, 4), factors(2, 5, 6))


@needs_code
@every_size
@pytest.mark.parametrize("dtype", [None, torch.float32])
def test_it_equals_its_reference(size: tuple[int, ...], dtype: torch.dtype | None) -> None:
    outer, inner, rows, columns, depth = size
    left, right = factors(outer, inner, rows, depth), factors(outer, inner, depth, columns, seed=2)
    result, reference = bmm(left, right, dtype=dtype), bmm_reference(left, right, dtype=dtype)
    torch.testing.assert_close(result, reference, rtol=2**-7, atol=1e-2)


def test_without_the_library_the_reference_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = factors(2, 3, 4), factors(2, 4, 5, seed=2)
    monkeypatch.setattr(module, "gemm_library", lambda: None)
    result = bmm(left, right, dtype=torch.float32)
    assert torch.equal(result, bmm_reference(left, right, dtype=torch.float32))
    assert result.dtype == torch.float32
