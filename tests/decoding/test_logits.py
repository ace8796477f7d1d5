from __future__ import annotations

from functools import partial
from math import inf, log
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.decoding.logits import (
    CategoricalSampler,
    apply_temperature,
    categorical_sampling,
    forbid_ids,
    greedy,
    inverse_transform_sampling,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    make_logits_processor,
    make_sampler,
    penalize_repetition,
)

NOTHING = torch.zeros(1, 0, dtype=torch.long)


def seeded(seed: int) -> CategoricalSampler:
    return partial(categorical_sampling, generator=torch.Generator().manual_seed(seed))


def logits_of(*probabilities: float) -> Tensor:
    return torch.tensor([probabilities]).log()


def possible(logits: Tensor) -> list[list[int]]:
    """The tokens that are still possible, by row."""
    return [[n for n, logit in enumerate(row) if logit > -inf] for row in logits.tolist()]


def test_temperature_raises_probabilities_to_its_inverse() -> None:
    cooled = apply_temperature(logits_of(0.2, 0.8), 0.5).softmax(-1)
    torch.testing.assert_close(cooled, torch.tensor([[0.04 / 0.68, 0.64 / 0.68]]))


def test_top_k() -> None:
    logits = torch.tensor([[1.0, 4.0, 3.0, 2.0], [0.0, -1.0, -2.0, 5.0]])
    assert keep_top_k(logits, 2).tolist() == [[-inf, 4.0, 3.0, -inf], [0.0, -inf, -inf, 5.0]]
    assert torch.equal(keep_top_k(logits, 9), logits)
    assert len(possible(keep_top_k(torch.zeros(1, 5), 2))[0]) == 2


def test_top_p_keeps_the_fewest_tokens_that_hold_the_mass() -> None:
    logits = logits_of(0.125, 0.5, 0.0625, 0.25, 0.0625)
    assert possible(keep_top_p(logits, 0.4)) == [[1]]
    assert possible(keep_top_p(logits, 0.5)) == [[1]]
    assert possible(keep_top_p(logits, 0.51)) == [[1, 3]]
    assert possible(keep_top_p(logits, 0.76)) == [[0, 1, 3]]
    assert possible(keep_top_p(logits, 1e-9)) == [[1]]
    kept = keep_top_p(logits, 0.51)
    assert torch.equal(kept[kept > -inf], logits[kept > -inf])


def test_top_p_row_by_row() -> None:
    logits = torch.cat([logits_of(0.9, 0.06, 0.04), logits_of(0.3, 0.3, 0.4)])
    assert possible(keep_top_p(logits, 0.6)) == [[0], [0, 2]]


def test_min_p_is_a_fraction_of_the_largest() -> None:
    logits = logits_of(0.5, 0.26, 0.2, 0.04)
    assert possible(keep_min_p(logits, 0.5)) == [[0, 1]]
    assert possible(keep_min_p(logits, 0.39)) == [[0, 1, 2]]
    assert possible(keep_min_p(logits, 1.0)) == [[0]]


def test_forbid() -> None:
    logits = torch.tensor([[1.0, 2.0, 3.0]])
    assert forbid_ids(logits, [0, 2]).tolist() == [[-inf, 2.0, -inf]]
    assert forbid_ids(logits, []).tolist() == logits.tolist()
    assert logits.tolist() == [[1.0, 2.0, 3.0]]


def test_repetition_penalty_for_both_signs_and_once_per_token() -> None:
    logits = torch.tensor([[2.0, -2.0, 1.0, 0.0], [2.0, -2.0, 1.0, 0.0]])
    history = torch.tensor([[0, 1, 1], [2, 2, 3]])
    assert penalize_repetition(logits, history, 2.0).tolist() == [
        [1.0, -4.0, 1.0, 0.0],
        [2.0, -2.0, 0.5, 0.0],
    ]


def test_greedy_and_categorical_sampling() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0], [-inf, -inf, -5.0]])
    assert greedy(logits).tolist() == [1, 2]
    assert categorical_sampling(logits)[1].item() == 2


def test_samples_have_the_probabilities_of_the_distribution() -> None:
    """Chi-square of 20,000 samples with a fixed seed; 16.27 is the 0.1 % point at 3 degrees."""
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05, 0.0])
    sampler = make_sampler(categorical=seeded(1))
    count = 20_000
    tokens = sampler(probabilities.log().expand(count, -1), NOTHING.expand(count, -1))
    counts = torch.bincount(tokens, minlength=5)
    assert counts[4] == 0
    expected = count * probabilities[:4]
    assert ((counts[:4] - expected) ** 2 / expected).sum() < 16.27


def test_temperature_zero_is_greedy_over_what_is_not_forbidden() -> None:
    logits = torch.tensor([[0.0, 3.0, 2.0]])
    assert make_sampler(temperature=0)(logits, NOTHING).item() == 1
    assert make_sampler(temperature=0, forbid=[1])(logits, NOTHING).item() == 2
    history = torch.tensor([[1]])
    assert make_sampler(temperature=0, repetition_penalty=2.0)(logits, history).item() == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.4, 0.3, 0.2, 0.1]),
        ({"top_k": 2}, [4 / 7, 3 / 7, 0, 0]),
        ({"temperature": 0.5, "forbid": [3]}, [16 / 29, 9 / 29, 4 / 29, 0]),
        ({"temperature": 0}, [1, 0, 0, 0]),
        ({"temperature": 0, "forbid": [0]}, [0, 1, 0, 0]),
    ],
)
def test_the_distribution_after_processing(options: dict[str, Any], expected: list[float]) -> None:
    found = make_logits_processor(**options)(logits_of(0.4, 0.3, 0.2, 0.1), NOTHING).softmax(-1)
    torch.testing.assert_close(found, torch.tensor([expected]).float())


def test_the_repetition_penalty_ignores_tokens_outside_the_window() -> None:
    logits = torch.tensor([[0.0, 3.0, 2.0]])
    history = torch.tensor([[1, 0, 0]])
    assert (
        make_sampler(temperature=0, repetition_penalty=2.0, window=3)(logits, history).item() == 2
    )
    assert (
        make_sampler(temperature=0, repetition_penalty=2.0, window=2)(logits, history).item() == 1
    )


def test_filters_compose_in_order() -> None:
    """The nucleus is taken after the temperature: at 0.1 one token holds 0.9, at 1 it does not."""
    logits = logits_of(0.4, 0.3, 0.2, 0.1).expand(2000, -1)
    history = NOTHING.expand(2000, -1)

    def reached(**options: Any) -> set[int]:
        sampler = make_sampler(categorical=seeded(3), **options)
        return set(sampler(logits, history).tolist())

    assert reached() == {0, 1, 2, 3}
    assert reached(top_p=0.9) == {0, 1, 2}
    assert reached(top_p=0.9, temperature=0.1) == {0}
    assert reached(top_k=3, min_p=0.7) == {0, 1}
    assert reached(forbid=[0], top_k=2) == {1, 2}
    assert reached(top_k=3, top_p=0.7) == {0, 1}  # of the three left, two hold 7/9


def test_half_precision_logits_are_sampled_in_float32() -> None:
    logits = torch.tensor([[0.0, log(3)]], dtype=torch.bfloat16).expand(4000, -1)
    tokens = make_sampler(categorical=seeded(5))(logits, NOTHING.expand(4000, -1))
    assert tokens.float().mean().item() == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.5}, "temperature must be 0 or more, was: -0.5"),
        ({"top_k": -1}, "top_k must be 0 or more, was: -1"),
        ({"top_p": 2}, r"top_p must be in \(0, 1\], was: 2"),
        ({"top_p": 0}, r"top_p must be in \(0, 1\], was: 0"),
        ({"min_p": 1.5}, r"min_p must be in \[0, 1\], was: 1.5"),
        ({"repetition_penalty": 0}, "repetition_penalty must be positive, was: 0"),
        ({"window": 0}, r"window must be in \[1, 1024\], was: 0"),
        ({"window": 5000}, r"window must be in \[1, 1024\], was: 5000"),
    ],
)
def test_arguments_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_sampler(**options)


def test_inverse_transform_sampling_by_hand() -> None:
    logits = logits_of(0.25, 0.0, 0.5, 0.25, 0.0).repeat(7, 1)
    uniform = torch.tensor([0.0, 0.2, 0.25, 0.5, 0.7, 0.76, 1 - 2**-24])
    assert inverse_transform_sampling(logits, uniform).tolist() == [0, 0, 2, 2, 2, 3, 3]
    assert inverse_transform_sampling(logits[:2], uniform[[1, 5]]).tolist() == [0, 3]


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.6}, {"min_p": 0.3}]
)
def test_inverse_transform_sampling_has_the_same_frequencies(options: dict[str, Any]) -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, 0.5, -1.0]]).repeat(40_000, 1)
    generator = torch.Generator().manual_seed(1)
    history, uniform = torch.zeros(len(logits), 0).long(), torch.rand(40_000, generator=generator)
    by_numbers = inverse_transform_sampling(
        make_logits_processor(**options)(logits, history), uniform
    )
    sampler = make_sampler(
        categorical=partial(categorical_sampling, generator=generator), **options
    )
    sampled = sampler(logits, history)
    shares = [one.bincount(minlength=5) / len(logits) for one in (by_numbers, sampled)]
    assert torch.allclose(*shares, atol=0.015)
    assert torch.equal(shares[0] == 0, shares[1] == 0)


def test_at_temperature_zero_random_numbers_have_no_effect() -> None:
    logits = torch.tensor([[0.0, 1.0, 0.9]])
    best = make_logits_processor(temperature=0.0)(logits, NOTHING)
    for uniform in (0.0, 0.5, 1 - 2**-24):
        assert inverse_transform_sampling(best, torch.tensor([uniform])).tolist() == [1]


@pytest.mark.parametrize("options", [{"temperature": -1.0}, {"top_p": 0.0}, {"min_p": 2.0}])
def test_a_logits_processor_checks_the_same_ranges(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        make_logits_processor(**options)


@pytest.mark.parametrize("temperature", [5e-324, 1e-320, 1e-30, 1e308])
def test_extreme_temperatures_give_probabilities(temperature: float) -> None:
    logits = torch.tensor([[0.5, 30.0, -80.0]])
    processed = apply_temperature(logits, temperature)
    probabilities = processed.softmax(-1)
    assert probabilities.isfinite().all()
    if temperature < 1:
        assert probabilities.tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize("temperature", [-0.1, float("nan"), float("inf")])
def test_a_temperature_is_finite(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature must be 0 or more"):
        make_sampler(temperature=temperature)
