"""Time breakdown of a translator's training step by component, forward and backward."""

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

COMPONENTS = (
    "embedding",
    "encoder",
    "decoder",
    "attention",
    "output layer and loss",
    "optimizer",
    "data",
)
REST = "everything else"  # dropout and concatenation between components, and the loop itself


class GraphCut:
    """A cut of the autograd graph: the tensors before it, and detached leaves that replace them."""

    def __init__(self) -> None:
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []

    def __call__(self, value: Any) -> Any:
        """The same values in the same nested tuples, detached from the graph."""
        if isinstance(value, tuple):
            return tuple(map(self, value))
        if not isinstance(value, Tensor) or not value.requires_grad:
            return value
        self.before.append(value)
        self.after.append(value.detach().requires_grad_())
        return self.after[-1]

    def backward(self) -> None:
        """Backward pass of the tensors before the cut, from the gradients of the leaves."""
        pairs = zip(self.before, self.after, strict=True)
        with_gradient = [(before, after.grad) for before, after in pairs if after.grad is not None]
        if with_gradient:
            tensors, gradients = zip(*with_gradient, strict=True)
            torch.autograd.backward(tensors, gradients)


class Stopwatch:
    """Forward and backward times of functions, summed by component.

    Inputs and outputs of a component are cut from the graph. So its backward pass, from its outputs
    to its inputs and parameters, is a call of its own and can be timed. Operations between the cuts
    belong to no component; their time is the rest of the step.

    Attributes:
        forward, backward: seconds by component.
    """

    def __init__(self) -> None:
        self.forward: dict[str, float] = defaultdict(float)
        self.backward: dict[str, float] = defaultdict(float)
        self.cuts: list[tuple[str, GraphCut, GraphCut]] = []

    def watch(self, owner: Any, function: str, component: str) -> None:
        """Time a method of an object, or a function of a module, from now on."""
        setattr(owner, function, self.timed(getattr(owner, function), component))

    def timed(self, function: Callable[..., Any], component: str) -> Callable[..., Any]:
        """The function, whose time counts for a component."""

        def run(*inputs: Any, **options: Any) -> Any:
            entry, exit = GraphCut(), GraphCut()
            inputs, options = entry(inputs), {name: entry(v) for name, v in options.items()}
            began = time.perf_counter()
            outputs = function(*inputs, **options)
            self.forward[component] += time.perf_counter() - began
            self.cuts.append((component, entry, exit))
            return exit(outputs)

        return run

    def run_backward(self, loss: Tensor) -> None:
        """The gradients of `loss.backward()`, component by component, from the last."""
        loss.backward()  # type: ignore[no-untyped-call]
        while self.cuts:
            component, entry, exit = self.cuts.pop()
            began = time.perf_counter()
            exit.backward()
            self.backward[component] += time.perf_counter() - began
            entry.backward()


def watch_translator(stopwatch: Stopwatch, model: Translator) -> None:
    """Time the components of a translator; encoder and decoder are their recurrent layers alone."""
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
    stopwatch.watch(model.output_layer, "loss", "output layer and loss")


def time_components(loop: TrainingLoop, *, steps: int, warmup: int) -> str:
    """Table of the time by component, over steps of a training loop on a CPU.

    The loop cannot be used afterwards.
    """
    stopwatch = Stopwatch()
    assert isinstance(loop.model, Translator)
    watch_translator(stopwatch, loop.model)
    stopwatch.watch(training, "gradient_norm", "optimizer")  # clipping is in the step
    stopwatch.watch(loop.optimizer, "step", "optimizer")
    batches = iter(stopwatch.timed(iter(loop.batches).__next__, "data"), None)

    def backward(batch: Batch, tokens: int) -> Tensor:
        """`TrainingLoop.backward`, with the backward pass by component."""
        with loop.precision.autocast():
            loss, _, _ = loop.objective(loop.model, batch, None)
        share: Tensor = loss / tokens
        stopwatch.run_backward(share)
        return share.detach()

    loop.backward = backward  # type: ignore[method-assign]
    for _ in range(warmup):
        loop.step(batches)
    stopwatch.forward.clear()
    stopwatch.backward.clear()
    began = time.perf_counter()
    for _ in range(steps):
        loop.step(batches)
    return table(stopwatch, time.perf_counter() - began, steps)


def table(stopwatch: Stopwatch, seconds: float, steps: int) -> str:
    """Milliseconds and per cent of a step by component; the last row is the whole step."""
    rows = [(name, stopwatch.forward[name], stopwatch.backward[name]) for name in COMPONENTS]
    rest = seconds - sum(forward + backward for _, forward, backward in rows)
    lines = ["| component | forward, ms | backward, ms | both, ms | % |", "|---|---|---|---|---|"]
    for name, *halves in [*rows, (REST, rest, 0.0), ("step", seconds, 0.0)]:
        forward, backward, both = (1000 * value / steps for value in (*halves, sum(halves)))
        apart = f"{forward:.1f} | {backward:.1f}" if backward else " | "
        lines.append(f"| {name} | {apart} | {both:.1f} | {100 * sum(halves) / seconds:.1f} |")
    return "\n".join(lines)
