"""Bernoulli masks: of the right mean, independent, and the same bits in C and in PyTorch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqlstm.kernels.bernoulli import KERNEL, bernoulli, bernoulli_reference, random_uint16


def sampled(*shape: int, probability: float) -> Tensor:
    return bernoulli(torch.empty(0), shape, probability, 1)


@pytest.mark.parametrize("probability", [0.0001, 0.25, 0.9, 0.9999])
def test_the_mean_is_the_probability(probability: float) -> None:
    values = sampled(10, 999, 101, probability=probability)
    assert values.shape == (10, 999, 101)
    deviation = (probability * (1 - probability) / values.numel()) ** 0.5
    assert abs(values.double().mean() - probability) < 4 * deviation + 2**-17


def test_extreme_probabilities_and_empty_shapes() -> None:
    assert not sampled(1000, probability=0.0).any()
    assert sampled(1000, probability=1 - 2**-16).sum() > 990
    assert sampled(0, 3, probability=0.5).shape == (0, 3)
    assert sampled(probability=0.5).shape == ()


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 5, 256, 1000])
def test_samples_are_independent(distance: int) -> None:
    values = sampled(400_003, probability=0.7).double().sub(0.7)
    products = values[distance:] * values[:-distance]
    assert abs(products.mean()) < 4 * 0.21 / len(products) ** 0.5


def test_samples_of_two_calls_are_independent() -> None:
    first, second = (sampled(400_003, probability=0.7).double().sub(0.7) for _ in range(2))
    assert abs((first * second).mean()) < 4 * 0.21 / len(first) ** 0.5


def test_words_are_those_of_splitmix64() -> None:
    # The first two words after the seed 1234567, by its authors' program.
    words = [6457827717110365317, 3203168211198807973]
    expected = [word >> bits & 0xFFFF for word in words for bits in (0, 16, 32, 48)]
    assert random_uint16(8, 1234567).tolist() == expected


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 1021, 70_000])
@pytest.mark.skipif(KERNEL.library() is None, reason="nothing is compiled here")
def test_the_reference_has_the_same_bits(dtype: torch.dtype, count: int) -> None:
    masks = []
    for function in (bernoulli, bernoulli_reference):
        torch.manual_seed(count)
        masks.append(function(torch.empty(0, dtype=dtype), (count,), 0.3, 1 / 0.7))
    assert masks[0].dtype == masks[1].dtype == dtype
    assert torch.equal(*masks)


def test_threads_change_nothing() -> None:
    before, masks = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        masks.append(sampled(100_001, probability=0.4))
    torch.set_num_threads(before)
    assert torch.equal(masks[0], masks[1])
    assert torch.equal(masks[0], masks[2])
