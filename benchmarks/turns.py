"""Systems that train in turn, so that a noisy machine is equally noisy for all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

WARMUP = 5


@dataclass
class System:
    """What trains, and what was measured of it.

    Attributes:
        steps: each gives its target tokens when it is done.
        rounds: of each step the tokens and the seconds.
    """

    steps: Iterator[int]
    rounds: list[list[tuple[int, float]]] = field(default_factory=list)

    def run(self, count: int) -> list[tuple[int, float]]:
        """So many steps."""
        timed = []
        for _ in range(count):
            began = time.perf_counter()
            tokens = next(self.steps)
            timed.append((tokens, time.perf_counter() - began))
        return timed

    def report(self, name: str) -> str:
        every = [step for steps in self.rounds for step in steps]
        by_step = [tokens / seconds for tokens, seconds in every]
        low, middle, high = statistics.quantiles(by_step, n=4)
        rounds = " ".join(f"{speed(steps):,.0f}" for steps in self.rounds)
        return (
            f"{name}: {speed(every):,.0f} tokens a second (by round {rounds}; "
            f"by step: median {middle:,.0f}, quartiles {low:,.0f} and {high:,.0f}), "
            f"{1000 * sum(seconds for _, seconds in every) / len(every):,.1f} ms a step"
        )


def speed(steps: Sequence[tuple[int, float]]) -> float:
    """Target tokens a second over some steps."""
    return sum(tokens for tokens, _ in steps) / sum(seconds for _, seconds in steps)


def train_in_turn(systems: dict[str, System], *, rounds: int, steps: int) -> None:
    """Each in turn, round by round; then what was measured, and the first's ratio to the others."""
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
