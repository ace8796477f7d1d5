"""The loop: what it reports, keeps and refuses."""

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
from seqlstm.training.progress import TrainingPlan
from seqlstm.training.schedule import Schedule
from tests.recurrent.cases import assert_same
from tests.tiny import PAIRS, random_translator
from tests.training.cases import Repeated, Shelf, Spring, batch_of, loop_of, of_kind


def measured(*values: float, name: str = "loss") -> Callable[[], dict[str, float]]:
    """A validation whose results are known beforehand."""
    results = iter(values)
    return lambda: {name: next(results)}


def spring_at(weight: float) -> Tensor:
    return torch.full((2, 2), weight)


def test_what_happens_when() -> None:
    plan = TrainingPlan(steps=4, validate_every=2, save_every=3)
    loop = loop_of(Spring(), Repeated(batch_of(3)), plan, validate=measured(1.0, 2.0))
    found = [(report.kind, report.step) for report in loop.run()]
    assert found == [
        ("step", 1),
        ("step", 2),
        ("validation", 2),
        ("saved", 2),  # with the best weights goes the checkpoint that knows of them
        ("step", 3),
        ("saved", 3),
        ("step", 4),
        ("validation", 4),
        ("saved", 4),
        ("end", 4),
    ]


def test_memory_is_given_back_after_what_is_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = TrainingPlan(steps=4, validate_every=2, save_every=3)
    given: list[float] = []
    monkeypatch.setattr("seqlstm.training.loop.release_memory", lambda: given.append(loop.done()))
    loop = loop_of(Spring(), Repeated(batch_of(3)), plan, validate=measured(1.0, 2.0))
    reports = list(loop.run())
    assert len(given) == len(of_kind(reports, "validation")) + len(of_kind(reports, "saved"))


def test_the_last_step_is_validated_even_between() -> None:
    plan = TrainingPlan(steps=4, validate_every=3)
    loop = loop_of(Spring(), Repeated(batch_of(3)), plan, validate=measured(1.0, 2.0))
    reports = list(loop.run())
    assert [report.step for report in of_kind(reports, "validation")] == [3, 4]
    assert reports[-1].reason == "as planned"


def test_a_step_reports_what_it_did() -> None:
    plan = TrainingPlan(steps=4, learning_rate=0.5)
    shelf = Shelf()
    loop = loop_of(Spring(), Repeated(batch_of(3)), plan, schedule=Schedule("linear"), shelf=shelf)
    reports = of_kind(list(loop.run()), "step")
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
    step, kept = shelf.weights["last"]
    assert step == 4
    assert_same(kept["weight"], spring_at(weight), rtol=1e-6, atol=0)


def test_the_rate_goes_with_the_batches() -> None:
    """A step's is the schedule's times the mean of its batches' own."""
    batches = Repeated(*(replace(batch_of(3), lr_factor=rate) for rate in (0.5, 1.0, 0.2, 0.6)))
    model = Spring()
    loop = loop_of(
        model, batches, TrainingPlan(steps=2, learning_rate=0.5, gradient_accumulation=2)
    )
    rates = [report.values["learning_rate"] for report in of_kind(list(loop.run()), "step")]
    assert rates == pytest.approx([0.375, 0.2])
    assert_same(model.weight, spring_at((1 - 0.375) * (1 - 0.2)), rtol=1e-6, atol=0)


@pytest.mark.parametrize(("clip", "rate"), [(0.5, 0.25), (1.0, 0.5), (2.5, 0.9), (None, 0.9)])
def test_gradients_are_clipped(clip: float | None, rate: float) -> None:
    """They have a norm of 2."""
    model = Spring()
    asked = rate / min(1.0, clip / 2) if clip else rate
    list(
        loop_of(
            model,
            Repeated(batch_of(3)),
            TrainingPlan(steps=1, learning_rate=asked, max_grad_norm=clip),
        ).run()
    )
    assert_same(model.weight, spring_at(1 - rate), rtol=1e-5, atol=0)


def test_two_halves_accumulated_are_one_batch(tokenizer: Tokenizer) -> None:
    """Halves of unlike sizes: each token counts the same."""

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
        reports = list(loop_of(model, Repeated(*batches), plan).run())
        return list(model.parameters()), of_kind(reports, "step")[-1].values

    halves, several = trained(PAIRS[:2], PAIRS[2:8])
    whole, one = trained(PAIRS[:8])
    assert_same(tuple(halves), tuple(whole), rtol=1e-5, atol=1e-6)
    for key in ("loss", "gradient_norm", "tokens"):
        assert several[key] == pytest.approx(one[key], rel=1e-5)


def test_the_state_goes_on_where_batches_follow() -> None:
    batches = Repeated(batch_of(3), batch_of(3, carry_state=True), batch_of(3, carry_state=True))
    model = Spring()
    list(
        loop_of(
            model, batches, TrainingPlan(steps=2, gradient_accumulation=2, learning_rate=0.5)
        ).run()
    )
    first, second, third, fourth = model.states
    assert first is None
    assert second is not None
    assert third is not None
    assert fourth is None  # the next epoch begins
    assert not second[0].requires_grad
    assert (float(second[0]), float(third[0])) == (5.0, 6.0)


def test_the_best_weights_are_kept() -> None:
    shelf, model = Shelf(), Spring()
    plan = TrainingPlan(steps=6, learning_rate=0.5, validate_every=2)
    loop = loop_of(
        model, Repeated(batch_of(3)), plan, shelf=shelf, validate=measured(3.0, 1.0, 2.0)
    )
    reports = of_kind(list(loop.run()), "validation")
    assert [report.best for report in reports] == [True, True, False]
    assert [report.values for report in reports] == [{"loss": 3.0}, {"loss": 1.0}, {"loss": 2.0}]
    assert {name: step for name, (step, _) in shelf.weights.items()} == {"best": 4, "last": 6}
    assert_same(shelf.weights["best"][1]["weight"], spring_at(0.5**4), rtol=1e-6, atol=0)
    assert_same(shelf.weights["last"][1]["weight"], spring_at(0.5**6), rtol=1e-6, atol=0)


def test_patience_ends_it() -> None:
    plan = TrainingPlan(steps=99, validate_every=2, patience=2, metric="bleu")
    validate = measured(1.0, 5.0, 4.0, 6.0, 6.0, 5.0, name="bleu")
    reports = list(loop_of(Spring(), Repeated(batch_of(3)), plan, validate=validate).run())
    assert (reports[-1].step, reports[-1].reason) == (12, "no better bleu in 2 validations")
    assert [report.kind for report in reports[-3:]] == ["validation", "saved", "end"]


def test_a_plateau_lowers_the_rate() -> None:
    plan = TrainingPlan(steps=6, learning_rate=1.0, validate_every=1, plateau_patience=2)
    schedule = Schedule("plateau", factor=0.5)
    loop = loop_of(
        Spring(), Repeated(batch_of(3)), plan, schedule=schedule, validate=lambda: {"loss": 1.0}
    )
    rates = [report.values["learning_rate"] for report in of_kind(list(loop.run()), "step")]
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]


def test_validation_sees_the_average_in_evaluation_mode() -> None:
    model, shelf, average = Spring(), Shelf(), ExponentialAveraging(0.9)
    seen: list[tuple[bool, bool, float]] = []

    def validate() -> dict[str, float]:
        seen.append((model.training, torch.is_grad_enabled(), float(model.weight[0, 0])))
        return {"loss": 1.0}

    plan = TrainingPlan(steps=3, learning_rate=0.5, validate_every=3)
    loop = loop_of(
        model, Repeated(batch_of(3)), plan, average=average, shelf=shelf, validate=validate
    )
    list(loop.run())
    own, averaged = 1.0, 0.5
    for step in (1, 2, 3):
        own *= 0.5
        decay = (1 + step) / (10 + step)
        averaged = decay * averaged + (1 - decay) * own
    assert seen == [(False, False, pytest.approx(averaged, rel=1e-5))]
    assert model.modes == [True, True, True]
    assert_same(model.weight, spring_at(own), rtol=1e-6, atol=0)
    for name in ("best", "last"):
        assert_same(shelf.weights[name][1]["weight"], spring_at(averaged), rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("metric", "values"),
    [("loss", (1.0, 3.0, 2.0, 0.5, 0.5)), ("bleu", (2.0, 0.5, 1.0, 3.0, 3.0))],
)
def test_an_average_begins_where_validations_stop_to_improve(
    metric: str, values: tuple[float, ...]
) -> None:
    """Of whichever metric; it is what is validated and kept from then on."""
    model, shelf, seen = Spring(), Shelf(), []
    results = measured(*values, name=metric)

    def validate() -> dict[str, float]:
        seen.append(float(model.weight[0, 0]))
        return results()

    plan = TrainingPlan(steps=5, learning_rate=0.5, validate_every=1, metric=metric)
    loop = loop_of(
        model,
        Repeated(batch_of(3)),
        plan,
        average=TriggeredAveraging(1),
        shelf=shelf,
        validate=validate,
    )
    list(loop.run())
    mean = (0.5**4 + 0.5**5) / 2
    assert seen == pytest.approx([0.5, 0.25, 0.125, 0.5**4, mean])
    assert_same(model.weight, spring_at(0.5**5), rtol=1e-6, atol=0)
    assert_same(shelf.weights["last"][1]["weight"], spring_at(mean), rtol=1e-6, atol=0)


class Broken(Spring):
    """Gives a bad loss, or a good one with a bad gradient, at its third step."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def energy(self) -> Tensor:
        if len(self.states) < 3:
            return super().energy()
        match self.how:
            case "nan":
                return self.weight.sum() * float("nan")
            case "inf":
                return self.weight.sum() * float("inf")
            case _:
                return (self.weight.sum() * 0).sqrt()


@pytest.mark.parametrize("how", ["nan", "inf", "gradient"])
def test_what_is_not_finite_stops_before_it_touches_the_weights(how: str) -> None:
    model, shelf = Broken(how), Shelf()
    plan = TrainingPlan(steps=9, learning_rate=0.5, max_grad_norm=1e9, save_every=2)
    with pytest.raises(TrainingError, match=r"step 3: loss .* not finite") as caught:
        list(loop_of(model, Repeated(batch_of(3)), plan, shelf=shelf).run())
    assert "The last checkpoint is intact" in str(caught.value)
    assert_same(model.weight, spring_at(0.25), rtol=1e-6, atol=0)
    assert len(shelf.checkpoints) == 1
    assert shelf.checkpoint()["progress"]["step"] == 2
