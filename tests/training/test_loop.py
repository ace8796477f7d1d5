"""The training loop: reports, saved weights, clipping, accumulation and errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from seqlstm.data.batching.collate import collate_pairs
from seqlstm.errors import TrainingError
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from seqlstm.training.averaging import ExponentialAveraging, TriggeredAveraging
from seqlstm.training.objectives.cross_entropy import CrossEntropy
from seqlstm.training.progress import TrainingPlan
from seqlstm.training.schedule import Schedule
from tests.recurrent.cases import assert_same
from tests.tiny import PAIRS, random_translator
from tests.training.cases import (
    MemoryStore,
    Quadratic,
    RepeatedBatches,
    make_batch,
    make_loop,
    reports_of_kind,
)


def metrics_of(*values: float, name: str = "loss") -> Callable[[], dict[str, float]]:
    """A `compute_metrics` that returns these values one after the other."""
    results = iter(values)
    return lambda: {name: next(results)}


def filled(value: float) -> Tensor:
    """The weight of a `Quadratic` whose entries all have this value."""
    return torch.full((2, 2), value)


def test_order_of_reports() -> None:
    plan = TrainingPlan(steps=4, validate_every=2, save_every=3)
    loop = make_loop(Quadratic(), plan, compute_metrics=metrics_of(1.0, 2.0))
    events = [(report.kind, report.step) for report in loop.run()]
    assert events == [
        ("step", 1),
        ("step", 2),
        ("validation", 2),
        ("checkpoint", 2),  # saved because of new best weights
        ("step", 3),
        ("checkpoint", 3),
        ("step", 4),
        ("validation", 4),
        ("checkpoint", 4),
        ("end", 4),
    ]


def test_memory_is_released_after_validations_and_checkpoints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = TrainingPlan(steps=4, validate_every=2, save_every=3)
    released: list[float] = []
    monkeypatch.setattr(
        "seqlstm.training.loop.release_memory", lambda: released.append(loop.fraction_done())
    )
    loop = make_loop(Quadratic(), plan, compute_metrics=metrics_of(1.0, 2.0))
    reports = list(loop.run())
    assert len(released) == len(reports_of_kind(reports, "validation")) + len(
        reports_of_kind(reports, "checkpoint")
    )


def test_the_last_step_is_always_validated() -> None:
    plan = TrainingPlan(steps=4, validate_every=3)
    loop = make_loop(Quadratic(), plan, compute_metrics=metrics_of(1.0, 2.0))
    reports = list(loop.run())
    assert [report.step for report in reports_of_kind(reports, "validation")] == [3, 4]
    assert reports[-1].reason == "as planned"


def test_values_of_step_reports() -> None:
    plan = TrainingPlan(steps=4, learning_rate=0.5)
    store = MemoryStore()
    loop = make_loop(Quadratic(), plan, schedule=Schedule("linear"), store=store)
    reports = reports_of_kind(list(loop.run()), "step")
    rates = [0.5, 0.375, 0.25, 0.125]
    assert [report.values["learning_rate"] for report in reports] == rates
    weight = 1.0
    for report, rate in zip(reports, rates, strict=True):
        assert report.values["loss"] == pytest.approx(2 * weight**2)
        assert report.values["gradient_norm"] == pytest.approx(2 * weight)
        assert report.values["tokens"] == 3
        weight *= 1 - rate
    assert [report.done for report in reports] == [0.25, 0.5, 0.75, 1.0]
    assert loop.progress.tokens == 12
    step, weights = store.weights["last"]
    assert step == 4
    assert_same(weights["weight"], filled(weight), rtol=1e-6, atol=0)


def test_the_learning_rate_is_multiplied_by_the_mean_factor_of_the_batches() -> None:
    batches = RepeatedBatches(
        *(replace(make_batch(3), lr_factor=factor) for factor in (0.5, 1.0, 0.2, 0.6))
    )
    model = Quadratic()
    loop = make_loop(
        model, TrainingPlan(steps=2, learning_rate=0.5, gradient_accumulation=2), batches=batches
    )
    rates = [report.values["learning_rate"] for report in reports_of_kind(list(loop.run()), "step")]
    assert rates == pytest.approx([0.375, 0.2])
    assert_same(model.weight, filled((1 - 0.375) * (1 - 0.2)), rtol=1e-6, atol=0)


@pytest.mark.parametrize(("clip", "rate"), [(0.5, 0.25), (1.0, 0.5), (2.5, 0.9), (None, 0.9)])
def test_gradients_are_clipped(clip: float | None, rate: float) -> None:
    """The gradient of the first step has norm 2."""
    model = Quadratic()
    learning_rate = rate / min(1.0, clip / 2) if clip else rate
    list(
        make_loop(
            model, TrainingPlan(steps=1, learning_rate=learning_rate, max_grad_norm=clip)
        ).run()
    )
    assert_same(model.weight, filled(1 - rate), rtol=1e-5, atol=0)


def test_accumulating_two_batches_equals_one_batch(tokenizer: Tokenizer) -> None:
    """The two batches differ in size; each token has the same weight."""

    def trained(*parts: list[tuple[str, str]]) -> tuple[list[Tensor], dict[str, float]]:
        batches = [
            collate_pairs(
                tokenizer.encode_batch([source for source, _ in part]),
                tokenizer.encode_batch([target for _, target in part]),
                TokenizerPair.joint(tokenizer),
            )
            for part in parts
        ]
        model = random_translator(tokenizer.vocab_size)
        plan = TrainingPlan(
            steps=2, learning_rate=0.1, max_grad_norm=1.0, gradient_accumulation=len(parts)
        )
        reports = list(
            make_loop(
                model, plan, batches=RepeatedBatches(*batches), objective=CrossEntropy()
            ).run()
        )
        return list(model.parameters()), reports_of_kind(reports, "step")[-1].values

    accumulated, several = trained(PAIRS[:2], PAIRS[2:8])
    whole, single = trained(PAIRS[:8])
    assert_same(tuple(accumulated), tuple(whole), rtol=1e-5, atol=1e-6)
    for key in ("loss", "gradient_norm", "tokens"):
        assert several[key] == pytest.approx(single[key], rel=1e-5)


def test_the_state_is_carried_between_batches_that_continue() -> None:
    batches = RepeatedBatches(
        make_batch(3), make_batch(3, carry_state=True), make_batch(3, carry_state=True)
    )
    model = Quadratic()
    list(
        make_loop(
            model,
            TrainingPlan(steps=2, gradient_accumulation=2, learning_rate=0.5),
            batches=batches,
        ).run()
    )
    first, second, third, fourth = model.states
    assert first is None
    assert second is not None
    assert third is not None
    assert fourth is None  # the first batch again: a new epoch
    assert not second[0].requires_grad
    assert (float(second[0]), float(third[0])) == (5.0, 6.0)


def test_the_best_weights_are_saved() -> None:
    store, model = MemoryStore(), Quadratic()
    plan = TrainingPlan(steps=6, learning_rate=0.5, validate_every=2)
    loop = make_loop(model, plan, store=store, compute_metrics=metrics_of(3.0, 1.0, 2.0))
    reports = reports_of_kind(list(loop.run()), "validation")
    assert [report.best for report in reports] == [True, True, False]
    assert [report.values for report in reports] == [{"loss": 3.0}, {"loss": 1.0}, {"loss": 2.0}]
    assert {name: step for name, (step, _) in store.weights.items()} == {"best": 4, "last": 6}
    assert_same(store.weights["best"][1]["weight"], filled(0.5**4), rtol=1e-6, atol=0)
    assert_same(store.weights["last"][1]["weight"], filled(0.5**6), rtol=1e-6, atol=0)


def test_patience_ends_training() -> None:
    plan = TrainingPlan(steps=99, validate_every=2, patience=2, metric="bleu")
    compute_metrics = metrics_of(1.0, 5.0, 4.0, 6.0, 6.0, 5.0, name="bleu")
    reports = list(make_loop(Quadratic(), plan, compute_metrics=compute_metrics).run())
    assert (reports[-1].step, reports[-1].reason) == (12, "no better bleu in 2 validations")
    assert [report.kind for report in reports[-3:]] == ["validation", "checkpoint", "end"]


def test_a_plateau_lowers_the_rate() -> None:
    plan = TrainingPlan(steps=6, learning_rate=1.0, validate_every=1, plateau_patience=2)
    schedule = Schedule("plateau", factor=0.5)
    loop = make_loop(Quadratic(), plan, schedule=schedule, compute_metrics=lambda: {"loss": 1.0})
    rates = [report.values["learning_rate"] for report in reports_of_kind(list(loop.run()), "step")]
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]


def test_validation_uses_the_averaged_weights_in_evaluation_mode() -> None:
    model, store, average = Quadratic(), MemoryStore(), ExponentialAveraging(0.9)
    observed: list[tuple[bool, bool, float]] = []

    def compute_metrics() -> dict[str, float]:
        observed.append((model.training, torch.is_grad_enabled(), float(model.weight[0, 0])))
        return {"loss": 1.0}

    plan = TrainingPlan(steps=3, learning_rate=0.5, validate_every=3)
    loop = make_loop(model, plan, average=average, store=store, compute_metrics=compute_metrics)
    list(loop.run())
    own, averaged = 1.0, 0.5
    for step in (1, 2, 3):
        own *= 0.5
        decay = (1 + step) / (10 + step)
        averaged = decay * averaged + (1 - decay) * own
    assert observed == [(False, False, pytest.approx(averaged, rel=1e-5))]
    assert model.modes == [True, True, True]
    assert_same(model.weight, filled(own), rtol=1e-6, atol=0)
    for name in ("best", "last"):
        assert_same(store.weights[name][1]["weight"], filled(averaged), rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("metric", "values"),
    [("loss", (1.0, 3.0, 2.0, 0.5, 0.5)), ("bleu", (2.0, 0.5, 1.0, 3.0, 3.0))],
)
def test_averaging_starts_when_validations_stop_improving(
    metric: str, values: tuple[float, ...]
) -> None:
    """For each metric; the average is validated and saved from then on."""
    model, store, observed = Quadratic(), MemoryStore(), []
    results = metrics_of(*values, name=metric)

    def compute_metrics() -> dict[str, float]:
        observed.append(float(model.weight[0, 0]))
        return results()

    plan = TrainingPlan(steps=5, learning_rate=0.5, validate_every=1, metric=metric)
    loop = make_loop(
        model, plan, average=TriggeredAveraging(1), store=store, compute_metrics=compute_metrics
    )
    list(loop.run())
    mean = (0.5**4 + 0.5**5) / 2
    assert observed == pytest.approx([0.5, 0.25, 0.125, 0.5**4, mean])
    assert_same(model.weight, filled(0.5**5), rtol=1e-6, atol=0)
    assert_same(store.weights["last"][1]["weight"], filled(mean), rtol=1e-6, atol=0)


class Broken(Quadratic):
    """Returns a loss that is not finite, or one with an infinite gradient, at the third step."""

    def __init__(self, defect: str) -> None:
        super().__init__()
        self.defect = defect

    def token_loss(self) -> Tensor:
        if len(self.states) < 3:
            return super().token_loss()
        match self.defect:
            case "nan":
                return self.weight.sum() * float("nan")
            case "inf":
                return self.weight.sum() * float("inf")
            case _:
                return (self.weight.sum() * 0).sqrt()


@pytest.mark.parametrize("defect", ["nan", "inf", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite_changes_no_weights(defect: str) -> None:
    model, store = Broken(defect), MemoryStore()
    plan = TrainingPlan(steps=9, learning_rate=0.5, max_grad_norm=1e9, save_every=2)
    with pytest.raises(TrainingError, match=r"step 3: loss .* not finite") as caught:
        list(make_loop(model, plan, store=store).run())
    assert "The last checkpoint is intact" in str(caught.value)
    assert_same(model.weight, filled(0.25), rtol=1e-6, atol=0)
    assert len(store.checkpoints) == 1
    assert store.checkpoint()["progress"]["step"] == 2
