"""A stopped and resumed run equals an uninterrupted one, bit for bit."""

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
from tests.training.cases import MemoryStore, make_loop

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
Make = Callable[[Tokenizer, int, MemoryStore], TrainingLoop]


def tiny_translator(tokenizer: Tokenizer, seed: int, store: MemoryStore) -> TrainingLoop:
    model = translator(tokenizer.vocab_size, dropout=0.3, weight_drop=0.2, seed=seed)
    batches = BucketBatches(
        PAIRS,
        tokenizers=TokenizerPair.joint(tokenizer),
        max_tokens=150,
        shuffle_window=20,
        subword_regularization=0.3,
    )
    return tiny_loop(model, batches, ExponentialAveraging(0.9), Schedule("cosine", warmup=3), store)


def tiny_language_model(tokenizer: Tokenizer, seed: int, store: MemoryStore) -> TrainingLoop:
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
    return tiny_loop(model, batches, CheckpointAveraging(2), Schedule("plateau", warmup=3), store)


def tiny_loop(
    model: Any, batches: Any, average: NoAveraging, schedule: Schedule, store: MemoryStore
) -> TrainingLoop:
    def compute_metrics() -> dict[str, float]:
        # The norm grows while the model learns, so patience ends the training.
        return {"loss": float(model.output_layer.bias.norm())}

    return make_loop(
        model,
        PLAN,
        batches=batches,
        kind="adam",
        schedule=schedule,
        average=average,
        store=store,
        compute_metrics=compute_metrics,
        objective=CrossEntropy(label_smoothing=0.1),
    )


def comparable(value: Any) -> Any:
    """A comparable copy: without measured times, and with tensors as bytes."""
    if isinstance(value, Tensor):
        return (value.dtype, tuple(value.shape), value.numpy().tobytes())
    if isinstance(value, TrainingReport):
        return comparable(asdict(value))
    if isinstance(value, dict):
        clock = {"seconds", "tokens_per_second"}
        return {key: comparable(part) for key, part in value.items() if key not in clock}
    if isinstance(value, (list, tuple)):
        return [comparable(part) for part in value]
    return value


def outcome(loop: TrainingLoop, store: MemoryStore) -> Any:
    return comparable([loop.state_dict(), store.weights["last"]])


@pytest.fixture(params=[tiny_translator, tiny_language_model], ids=["translator", "language-model"])
def make(request: pytest.FixtureRequest) -> Make:
    make: Make = request.param
    return make


def test_resume_from_any_checkpoint(make: Make, tokenizer: Tokenizer) -> None:
    torch.manual_seed(5)
    store = MemoryStore()
    uninterrupted = make(tokenizer, 1, store)
    reports = [comparable(report) for report in uninterrupted.run()]
    assert uninterrupted.progress.stale == PLAN.patience
    assert uninterrupted.batches.epochs > 1.5
    assert uninterrupted.progress.reductions == 1
    expected = outcome(uninterrupted, store)
    for number in range(0, len(store.checkpoints) - 1, 3):
        torch.manual_seed(99)  # the new process has other weights and another random state
        other = MemoryStore()
        resumed = make(tokenizer, 2, other)
        contents = store.checkpoint(number)
        resumed.load_state_dict(contents)
        rest = [comparable(report) for report in resumed.run()]
        assert rest == reports[-len(rest) :], f"resumed at step {number + 1}"
        assert outcome(resumed, other) == expected, f"resumed at step {number + 1}"


def test_stop_and_resume_repeatedly(make: Make, tokenizer: Tokenizer) -> None:
    torch.manual_seed(5)
    store = MemoryStore()
    uninterrupted = make(tokenizer, 1, store)
    list(uninterrupted.run())
    torch.manual_seed(5)
    other = MemoryStore()
    loop = make(tokenizer, 1, other)
    while loop.end_reason() is None:
        stop = StopRequest()
        start = loop.progress.step
        for report in loop.run(stop):
            if report.kind == "step" and report.step == start + 4:
                stop.signal = "SIGTERM"
        torch.manual_seed(99)
        loop = make(tokenizer, 2, other)
        loop.load_state_dict(other.checkpoint())
    assert outcome(loop, other) == outcome(uninterrupted, store)
    assert comparable(other.weights["best"]) == comparable(store.weights["best"])
