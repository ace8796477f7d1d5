"""Where the time of a translator's training step goes, by its parts, forward and backward."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import seqlstm.training.loop as training
from seqlstm.models.batch import Batch
from seqlstm.models.decoders.parallel import ParallelDecoder
from seqlstm.models.translator import Translator
from seqlstm.training.loop import TrainingLoop

PARTS = ("embedding", "encoder", "decoder", "attention", "readout and loss", "optimiser", "data")
REST = "everything else"  # dropout and concatenation between the parts, and the loop itself


class Cut:
    """A place where the graph is cut: the tensors before it, and the leaves that stand for them."""

    def __init__(self) -> None:
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []

    def __call__(self, value: Any) -> Any:
        """The same values in the same nest of tuples, no gradient flowing through."""
        if isinstance(value, tuple):
            return tuple(self(part) for part in value)
        if not isinstance(value, Tensor) or not value.requires_grad:
            return value
        self.before.append(value)
        self.after.append(value.detach().requires_grad_())
        return self.after[-1]

    def backward(self) -> None:
        """Hand on the gradients that have come to the leaves."""
        pairs = zip(self.before, self.after, strict=True)
        reached = [(before, after.grad) for before, after in pairs if after.grad is not None]
        if reached:
            tensors, gradients = zip(*reached, strict=True)
            torch.autograd.backward(tensors, gradients)


class Stopwatch:
    """Times functions, each under the name of a part, forward and backward.

    What a part reads and what it gives are cut from the graph, so that its backward pass can be
    called by itself, on the clock: all that leads from its outputs to its inputs and parameters.
    What lies between the cuts is nobody's, and is what remains of the whole step.

    Attributes:
        forward, backward: seconds by part.
    """

    def __init__(self) -> None:
        self.forward: dict[str, float] = defaultdict(float)
        self.backward: dict[str, float] = defaultdict(float)
        self.cuts: list[tuple[str, Cut, Cut]] = []

    def watch(self, owner: Any, function: str, part: str) -> None:
        """Time a method of an object, or a function of a module, from now on."""
        setattr(owner, function, self.timed(getattr(owner, function), part))

    def timed(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        def run(*inputs: Any, **named: Any) -> Any:
            entry, exit = Cut(), Cut()
            inputs, named = entry(inputs), {name: entry(value) for name, value in named.items()}
            began = time.perf_counter()
            outputs = function(*inputs, **named)
            self.forward[part] += time.perf_counter() - began
            self.cuts.append((part, entry, exit))
            return exit(outputs)

        return run

    def run_back(self, loss: Tensor) -> None:
        """As `loss.backward()`: the same gradients, part by part, from the last."""
        loss.backward()  # type: ignore[no-untyped-call]
        while self.cuts:
            part, entry, exit = self.cuts.pop()
            began = time.perf_counter()
            exit.backward()
            self.backward[part] += time.perf_counter() - began
            entry.backward()


def watch_translator(stopwatch: Stopwatch, model: Translator) -> None:
    """Time the parts of a translator. Only layers are of the encoder and the decoder."""
    decoder = model.decoder
    assert isinstance(decoder, ParallelDecoder), (
        "step by step, the cuts would cost more than the steps"
    )
    for embedding in {model.source, model.target}:  # one, where they are tied
        stopwatch.watch(embedding, "forward", "embedding")
    stopwatch.watch(model.encoder, "forward", "encoder")
    for stack in (decoder.first, decoder.rest):
        stopwatch.watch(stack, "forward", "decoder")
    for function in ("prepare", "weights", "read"):
        stopwatch.watch(decoder.attention, function, "attention")
    if model.lexical is not None:
        stopwatch.watch(model.lexical, "forward", "attention")
    stopwatch.watch(model.output, "loss", "readout and loss")


def time_parts(loop: TrainingLoop, *, steps: int, warmup: int) -> str:
    """What each part took of so many steps of a loop's own, on a CPU, as a table.

    The loop is of no use afterwards.
    """
    stopwatch = Stopwatch()
    assert isinstance(loop.model, Translator)
    watch_translator(stopwatch, loop.model)
    stopwatch.watch(training, "gradient_norm", "optimiser")  # clipping is in the step
    stopwatch.watch(loop.optimizer, "step", "optimiser")
    drawn = iter(stopwatch.timed(iter(loop.batches).__next__, "data"), None)

    def backward(batch: Batch, tokens: int) -> Tensor:
        """As the loop's, whose backward pass knows no parts."""
        with loop.precision.autocast():
            loss, _, _ = loop.model(batch, None)
        share: Tensor = loss / tokens
        stopwatch.run_back(share)
        return share.detach()

    loop.backward = backward  # type: ignore[method-assign]
    for _ in range(warmup):
        loop.step(drawn)
    stopwatch.forward.clear()
    stopwatch.backward.clear()
    began = time.perf_counter()
    for _ in range(steps):
        loop.step(drawn)
    return table(stopwatch, time.perf_counter() - began, steps)


def table(stopwatch: Stopwatch, seconds: float, steps: int) -> str:
    """Milliseconds of a step by part, and per cent of it; the last row is the step."""
    rows = [(part, stopwatch.forward[part], stopwatch.backward[part]) for part in PARTS]
    rest = seconds - sum(forward + backward for _, forward, backward in rows)
    lines = ["| part | forward, ms | backward, ms | both, ms | % |", "|---|---|---|---|---|"]
    for part, *halves in [*rows, (REST, rest, 0.0), ("step", seconds, 0.0)]:
        ahead, back, both = (1000 * value / steps for value in (*halves, sum(halves)))
        halved = f"{ahead:.1f} | {back:.1f}" if back else " | "
        lines.append(f"| {part} | {halved} | {both:.1f} | {100 * sum(halves) / seconds:.1f} |")
    return "\n".join(lines)
