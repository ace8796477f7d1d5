"""Interleaved timing of several trainings: noise of the machine reaches all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

WARMUP = 5


@dataclass
class System:
    """A training and its measurements.

    Attributes:
        steps: yields the target tokens of each step when it is done.
        rounds: tokens and seconds of every step, by round.
    """

    steps: Iterator[int]
    rounds: list[list[tuple[int, float]]] = field(default_factory=list)

    def run(self, count: int) -> list[tuple[int, float]]:
        """Tokens and seconds of the next `count` steps."""
        timed = []
        for _ in range(count):
            began = time.perf_counter()
            tokens = next(self.steps)
            timed.append((tokens, time.perf_counter() - began))
        return timed

    def report(self, name: str) -> str:
        steps = [step for steps in self.rounds for step in steps]
        by_step = [tokens / seconds for tokens, seconds in steps]
        low, middle, high = statistics.quantiles(by_step, n=4)
        by_round = " ".join(f"{speed(steps):,.0f}" for steps in self.rounds)
        return (
            f"{name}: {speed(steps):,.0f} tokens a second (by round {by_round}; "
            f"by step: median {middle:,.0f}, quartiles {low:,.0f} and {high:,.0f}), "
            f"{1000 * sum(seconds for _, seconds in steps) / len(steps):,.1f} ms a step"
        )


def speed(steps: Sequence[tuple[int, float]]) -> float:
    """Target tokens a second over steps."""
    return sum(tokens for tokens, _ in steps) / sum(seconds for _, seconds in steps)


def train_interleaved(systems: dict[str, System], *, rounds: int, steps: int) -> None:
    """Train `steps` of every system a round. Prints speeds, and ratios of the first system."""
    for system in systems.values():
        system.run(WARMUP)
    for _ in range(rounds):
        for system in systems.values():
            system.rounds.append(system.run(steps))
    for name, system in systems.items():
        print(system.report(name))
    (_, first), *others = systems.items()
    for name, system in others:
        pairs = zip(first.rounds, system.rounds, strict=True)
        ratios = [speed(ours) / speed(theirs) for ours, theirs in pairs]
        by_round = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"ratio to {name}: by round {by_round}, median {statistics.median(ratios):.2f}")
