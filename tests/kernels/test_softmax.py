"""Cross-entropy with its gradient and log-softmax, in C and in PyTorch, against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from seqlstm.kernels.softmax import (
    KERNEL,
    cross_entropy_with_grad,
    cross_entropy_with_grad_reference,
    log_softmax,
    log_softmax_reference,
)
from tests.recurrent.cases import generator, noise

TOKENS = 7

every_way = pytest.mark.parametrize("native", [True, False], ids=["C", "reference"])
needs_code = pytest.mark.skipif(
    KERNEL.library(torch.float32, torch.float32) is None, reason="nothing is compiled here"
)


@pytest.fixture(autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "native" in request.fixturenames and not request.getfixturevalue("native"):
        monkeypatch.setattr(KERNEL, "library", lambda *types: None)


def examples(vocabulary: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    targets = torch.randint(vocabulary, (TOKENS,), generator=generator(5))
    return (9 * noise(TOKENS, vocabulary)).to(dtype), targets


def by_torch(
    logits: Tensor, bias: Tensor, targets: Tensor, smoothing: float
) -> tuple[Tensor, Tensor]:
    logits = (logits + bias).requires_grad_()
    losses = nn.functional.cross_entropy(
        logits, targets, label_smoothing=smoothing, reduction="none"
    )
    losses.sum().backward()
    assert logits.grad is not None
    return losses.detach(), logits.grad


@every_way
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("vocabulary", [1, 13, 64, 301])
@pytest.mark.parametrize(
    ("dtype", "real"),
    [
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.bfloat16, torch.float32),
    ],
    ids=["float32", "float64", "bfloat16"],
)
def test_it_is_the_cross_entropy(
    native: bool,
    threads: int,
    smoothing: float,
    vocabulary: int,
    dtype: torch.dtype,
    real: torch.dtype,
) -> None:
    logits, targets = examples(vocabulary, dtype)
    bias = noise(vocabulary).to(real)
    losses, errors = by_torch(logits, bias, targets, smoothing)
    d_bias = torch.ones(vocabulary, dtype=real)  # what is there is added to
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        result = cross_entropy_with_grad(logits, bias, targets, smoothing, d_bias)
    finally:
        torch.set_num_threads(before)
    exact = (
        {"rtol": 1e-11, "atol": 1e-12} if real == torch.float64 else {"rtol": 1e-5, "atol": 1e-5}
    )
    torch.testing.assert_close(result, losses, **exact)
    torch.testing.assert_close(d_bias - 1, errors.sum(0), **exact)
    # Rounded once to the type of the logits: the nearest value or its neighbour.
    step = {"rtol": 0.008, "atol": 1e-6} if dtype == torch.bfloat16 else exact
    torch.testing.assert_close(logits.to(real), errors, **step)


@every_way
def test_a_forbidden_token_has_no_gradient(native: bool) -> None:
    logits, targets = examples(13, torch.float32)
    logits[:, 4], targets = -torch.inf, targets.clamp(5)
    d_bias = torch.zeros(13)
    losses = cross_entropy_with_grad(logits, torch.zeros(13), targets, 0.0, d_bias)
    assert losses.isfinite().all()
    assert logits[:, 4].tolist() == [0.0] * TOKENS


@every_way
def test_nan_leads_to_nan(native: bool) -> None:
    logits, targets = examples(13, torch.float32)
    logits[2, 4] = torch.nan
    losses = cross_entropy_with_grad(logits, torch.zeros(13), targets, 0.1, torch.zeros(13))
    assert losses.isnan().nonzero().flatten().tolist() == [2]


@every_way
@pytest.mark.parametrize("target", [-1, 13])
def test_a_target_outside_the_vocabulary_is_refused(native: bool, target: int) -> None:
    logits, targets = examples(13, torch.float32)
    targets[3] = target
    with pytest.raises((IndexError, RuntimeError), match=r"out of|must be in"):
        cross_entropy_with_grad(logits, torch.zeros(13), targets, 0.0, torch.zeros(13))


@every_way
@pytest.mark.parametrize("vocabulary", [1, 13, 64, 301])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("threads", [1, 2])
def test_log_probabilities_equal_those_of_torch(
    native: bool, vocabulary: int, dtype: torch.dtype, threads: int
) -> None:
    logits = (9 * noise(3, TOKENS, vocabulary)).to(dtype)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    result = log_softmax(logits)
    torch.set_num_threads(before)
    better = torch.promote_types(dtype, torch.float32)
    assert result.dtype == better
    torch.testing.assert_close(result, logits.double().log_softmax(-1).to(better))


@every_way
def test_log_probabilities_of_strided_logits_with_inf_and_nan(native: bool) -> None:
    logits = noise(4, 70, 2)[..., 0]
    logits[1, 3:] = -torch.inf
    logits[2, 5] = torch.nan
    result, expected = log_softmax(logits), logits.log_softmax(-1)
    torch.testing.assert_close(result, expected, equal_nan=True)


def test_log_probabilities_have_gradients() -> None:
    logits = noise(4, 70).requires_grad_()
    log_softmax(logits)[:, 3].sum().backward()
    expected = logits.detach().clone().requires_grad_()
    expected.log_softmax(-1)[:, 3].sum().backward()
    torch.testing.assert_close(logits.grad, expected.grad)


TYPES = [
    (torch.float32, torch.float32, 1e-6),
    (torch.float64, torch.float64, 1e-13),
    (torch.bfloat16, torch.float32, 1e-6),
]


@needs_code
@pytest.mark.parametrize(("dtype", "real", "exact"), TYPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_equals_its_reference(
    dtype: torch.dtype, real: torch.dtype, exact: float, smoothing: float
) -> None:
    logits, targets = examples(301, dtype)
    bias = noise(301).to(dtype).to(real)
    results = []
    for function in (cross_entropy_with_grad, cross_entropy_with_grad_reference):
        d_logits, d_bias = logits.clone(), torch.ones(301, dtype=real)
        losses = function(d_logits, bias, targets, smoothing, d_bias)
        results.append((losses, d_logits, d_bias))
    for name, result, reference in zip(("loss", "logits", "bias"), *results, strict=True):
        # Gradients in bfloat16: the nearest value or its neighbour.
        rtol = 0.008 if result.dtype == torch.bfloat16 else 4 * exact
        torch.testing.assert_close(result, reference, rtol=rtol, atol=4 * exact, msg=name)


@needs_code
@pytest.mark.parametrize(("dtype", "real", "exact"), TYPES)
def test_log_softmax_equals_its_reference(
    dtype: torch.dtype, real: torch.dtype, exact: float
) -> None:
    logits = (9 * noise(3, TOKENS, 301)).to(dtype)
    result, reference = log_softmax(logits), log_softmax_reference(logits)
    assert result.dtype == reference.dtype == real
    torch.testing.assert_close(result, reference, rtol=4 * exact, atol=4 * exact)
