"""Biased coins, by machine code and by its transcription."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqlstm.kernels import bernoulli as kernel
from seqlstm.kernels.bernoulli import bernoulli, numbers


def tossed(*shape: int, share: float) -> Tensor:
    return bernoulli(torch.empty(0), shape, share, 1)


@pytest.mark.parametrize("share", [0.0001, 0.25, 0.9, 0.9999])
def test_coins_are_true_as_often_as_asked(share: float) -> None:
    drawn = tossed(10, 999, 101, share=share)
    assert drawn.shape == (10, 999, 101)
    deviation = (share * (1 - share) / drawn.numel()) ** 0.5
    assert abs(drawn.double().mean() - share) < 4 * deviation + 2**-17


def test_the_ends_of_what_coins_can_be() -> None:
    assert not tossed(1000, share=0.0).any()
    assert tossed(1000, share=1 - 2**-16).sum() > 990
    assert tossed(0, 3, share=0.5).shape == (0, 3)
    assert tossed(share=0.5).shape == ()


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 5, 256, 1000])
def test_coins_know_nothing_of_each_other(distance: int) -> None:
    drawn = tossed(400_003, share=0.7).double().sub(0.7)
    products = drawn[distance:] * drawn[:-distance]
    assert abs(products.mean()) < 4 * 0.21 / len(products) ** 0.5


def test_neither_do_those_of_two_calls() -> None:
    one, other = (tossed(400_003, share=0.7).double().sub(0.7) for _ in range(2))
    assert abs((one * other).mean()) < 4 * 0.21 / len(one) ** 0.5


def test_words_are_those_of_splitmix64() -> None:
    # The first two words after the seed 1234567, by its authors' program.
    words = [6457827717110365317, 3203168211198807973]
    wanted = [word >> bits & 0xFFFF for word in words for bits in (0, 16, 32, 48)]
    assert numbers(8, 1234567).tolist() == wanted


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 1021, 70_000])
def test_machine_code_tosses_what_its_transcription_does(
    dtype: torch.dtype, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernel.machine_code() is None:
        pytest.skip("nothing is compiled here")
    found = []
    for code in (kernel.machine_code(), None):
        monkeypatch.setattr(kernel, "machine_code", lambda code=code: code)
        torch.manual_seed(count)
        found.append(bernoulli(torch.empty(0, dtype=dtype), (count,), 0.3, 1 / 0.7))
    assert found[0].dtype == found[1].dtype == dtype
    assert torch.equal(*found)


def test_threads_change_nothing() -> None:
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        found.append(tossed(100_001, share=0.4))
    torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
