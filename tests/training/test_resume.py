"""Stopped and resumed is never stopped, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.data.batching.buckets import BucketBatches
from seqlstm.data.batching.streams import StreamBatches
from seqlstm.recurrent.cells.gru import gru
from seqlstm.runtime.signals import StopRequest
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from seqlstm.training.averaging import CheckpointAveraging, ExponentialAveraging, NoAveraging
from seqlstm.training.loop import TrainingLoop
from seqlstm.training.objectives.cross_entropy import CrossEntropy
from seqlstm.training.progress import TrainingPlan, TrainingReport
from seqlstm.training.schedule import Schedule
from tests.tiny import DOCUMENTS, PAIRS, language_model, translator
from tests.training.cases import Shelf, loop_of

PLAN = TrainingPlan(
    steps=40,
    learning_rate=0.02,
    max_grad_norm=1.0,
    gradient_accumulation=2,
    validate_every=3,
    save_every=1,
    patience=3,
    plateau_patience=2,
)
Make = Callable[[Tokenizer, int, Shelf], TrainingLoop]


def tiny_translator(tokenizer: Tokenizer, seed: int, shelf: Shelf) -> TrainingLoop:
    model = translator(tokenizer.vocab_size, dropout=0.3, weight_drop=0.2, seed=seed)
    batches = BucketBatches(
        PAIRS,
        tokenizers=TokenizerPair.joint(tokenizer),
        max_tokens=150,
        shuffle_window=20,
        subword_regularization=0.3,
    )
    return tiny_loop(model, batches, ExponentialAveraging(0.9), Schedule("cosine", warmup=3), shelf)


def tiny_language_model(tokenizer: Tokenizer, seed: int, shelf: Shelf) -> TrainingLoop:
    model = language_model(tokenizer.vocab_size, cell=gru, dropout=0.3, weight_drop=0.2, seed=seed)
    batches = StreamBatches(
        DOCUMENTS,
        tokenizer=tokenizer,
        unit="document",
        batch_size=6,
        bptt=12,
        bptt_std=3.0,
        subword_regularization=0.3,
    )
    return tiny_loop(model, batches, CheckpointAveraging(2), Schedule("plateau", warmup=3), shelf)


def tiny_loop(
    model: Any, batches: Any, average: NoAveraging, schedule: Schedule, shelf: Shelf
) -> TrainingLoop:
    def validate() -> dict[str, float]:
        # Grows while the model learns, so that patience comes to its end.
        return {"loss": float(model.output_layer.bias.norm())}

    return loop_of(
        model,
        batches,
        PLAN,
        kind="adam",
        schedule=schedule,
        average=average,
        shelf=shelf,
        validate=validate,
        objective=CrossEntropy(label_smoothing=0.1),
    )


def timeless(value: Any) -> Any:
    """Without what the clock says, and with tensors as bytes, so that all can be compared."""
    if isinstance(value, Tensor):
        return (value.dtype, tuple(value.shape), value.numpy().tobytes())
    if isinstance(value, TrainingReport):
        return timeless(asdict(value))
    if isinstance(value, dict):
        clock = {"seconds", "tokens_per_second"}
        return {key: timeless(part) for key, part in value.items() if key not in clock}
    if isinstance(value, (list, tuple)):
        return [timeless(part) for part in value]
    return value


def outcome(loop: TrainingLoop, shelf: Shelf) -> Any:
    return timeless([loop.state_dict(), shelf.weights["last"]])


@pytest.fixture(params=[tiny_translator, tiny_language_model], ids=["buckets", "tapes"])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


def test_killed_after_any_checkpoint(make: Make, tokenizer: Tokenizer) -> None:
    torch.manual_seed(5)
    shelf = Shelf()
    whole = make(tokenizer, 1, shelf)
    reports = [timeless(report) for report in whole.run()]
    assert whole.progress.stale == PLAN.patience
    assert whole.batches.epochs > 1.5
    assert whole.progress.reductions == 1
    expected = outcome(whole, shelf)
    for number in range(0, len(shelf.checkpoints) - 1, 3):
        torch.manual_seed(99)  # the other process has another model and other draws
        other = Shelf()
        resumed = make(tokenizer, 2, other)
        contents = shelf.checkpoint(number)
        resumed.load_state_dict(contents)
        rest = [timeless(report) for report in resumed.run()]
        assert rest == reports[-len(rest) :], f"resumed at step {number + 1}"
        assert outcome(resumed, other) == expected, f"resumed at step {number + 1}"


def test_stopped_again_and_again(make: Make, tokenizer: Tokenizer) -> None:
    torch.manual_seed(5)
    shelf = Shelf()
    whole = make(tokenizer, 1, shelf)
    list(whole.run())
    torch.manual_seed(5)
    other = Shelf()
    loop = make(tokenizer, 1, other)
    while loop.end() is None:
        stop = StopRequest()
        start = loop.progress.step
        for report in loop.run(stop):
            if report.kind == "step" and report.step == start + 4:
                stop.signal = "SIGTERM"
        torch.manual_seed(99)
        loop = make(tokenizer, 2, other)
        loop.load_state_dict(other.checkpoint())
    assert outcome(loop, other) == outcome(whole, shelf)
    assert timeless(other.weights["best"]) == timeless(shelf.weights["best"])
