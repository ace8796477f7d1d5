"""AR and TAR: values by hand, and a reported loss without them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from seqlstm.models.batch import Batch
from seqlstm.models.regularizers import ActivationRegularizer
from seqlstm.recipe.build.objective import build_objective
from tests.config.cases import recipe
from tests.models.cases import LENGTHS, ROWS, TIME, VOCABULARY, gradients, text_batch
from tests.recurrent.cases import assert_same, noise
from tests.tiny import language_model, loss_of, random_language_model

HIDDEN = 3


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("reset", [None, 2])
def test_by_hand(lengths: list[int] | None, reset: int | None) -> None:
    outputs, mask = noise(TIME, ROWS, HIDDEN), noise(TIME, ROWS, HIDDEN, seed=2)
    batch = text_batch(lengths)
    if reset is not None:
        starts = torch.zeros(ROWS, TIME, dtype=torch.bool)
        starts[:, reset] = True
        batch = replace(batch, resets=starts)
    sizes, changes = [], []
    for row, length in enumerate(lengths or [TIME] * ROWS):
        steps = outputs[:length, row].tolist()
        dropped = (outputs * mask)[:length, row].tolist()
        sizes += [value**2 for step in dropped for value in step]
        for time, (before, after) in enumerate(pairwise(steps), 1):
            if time != reset:
                changes += [(a - b) ** 2 for a, b in zip(after, before, strict=True)]
    penalty = ActivationRegularizer(2.0, 0.5)(outputs, outputs * mask, batch)
    expected = batch.tokens * (2.0 * mean(sizes) + 0.5 * mean(changes))
    assert float(penalty) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("activation", "temporal"), [(2.0, 0.0), (0.0, 1.0), (2.0, 1.0)])
def test_it_changes_the_gradient_and_not_the_loss(activation: float, temporal: float) -> None:
    model, batch = random_language_model(VOCABULARY).train(), text_batch()
    regularizer = ActivationRegularizer(activation, temporal)
    penalised, plain = loss_of(model, batch, regularizer=regularizer)[0], loss_of(model, batch)[0]
    assert torch.equal(penalised, plain)
    outputs, _ = model.outputs(batch, None, return_state=False)
    total: Tensor = batch.tokens * (
        activation * outputs.square().mean()
        + temporal * (outputs[1:] - outputs[:-1]).square().mean()
    )
    own = torch.autograd.grad(plain + total, list(model.parameters()))
    assert_same(gradients(model, batch, regularizer=regularizer), own)
    assert not torch.allclose(own[0], gradients(model, batch)[0])


def test_a_batch_in_halves_is_penalised_alike() -> None:
    """The penalties of halves of the same size add up, as their losses do."""
    model, batch = random_language_model(VOCABULARY).train(), text_batch()
    regularizer = ActivationRegularizer(2.0, 1.0)
    whole = gradients(model, batch, regularizer=regularizer)
    halves = [
        gradients(
            model,
            Batch(
                inputs=batch.inputs[part],
                targets=batch.targets[part],
                target_index=torch.arange(TIME * ROWS // 2),
            ),
            regularizer=regularizer,
        )
        for part in (slice(0, ROWS // 2), slice(ROWS // 2, ROWS))
    ]
    assert_same(tuple(a + b for a, b in zip(*halves, strict=True)), whole)


def test_ar_reads_outputs_after_dropout_and_tar_before() -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    class Watched(ActivationRegularizer):
        def __call__(self, outputs: Tensor, dropped: Tensor, batch: Batch) -> Tensor:
            seen.append((outputs, dropped))
            return super().__call__(outputs, dropped, batch)

    torch.manual_seed(1)  # a row that begins with padding would give zeros by itself
    model = language_model(VOCABULARY, dropout=0.5).train()
    loss_of(model, text_batch(), regularizer=Watched(1.0, 1.0))
    ((outputs, dropped),) = seen
    assert (outputs != 0).all()
    zeros = dropped == 0
    assert 0 < zeros.double().mean() < 1
    assert_same(dropped[~zeros], 2 * outputs[~zeros])


def test_it_is_for_training() -> None:
    model, regularizer = random_language_model(VOCABULARY), ActivationRegularizer(2.0, 1.0)
    assert_same(
        gradients(model, text_batch(), regularizer=regularizer), gradients(model, text_batch())
    )


def test_a_recipe_sets_it() -> None:
    config = recipe("language-model", "training.regularizers={activation=2, temporal=0.5}")
    assert build_objective(config).regularizer == ActivationRegularizer(2.0, 0.5)
    assert build_objective(recipe("language-model")).regularizer is None
