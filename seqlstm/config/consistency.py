"""Checks of keys that contradict each other; they run even if other checks fail."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Protocol

from seqlstm.config.base import Table
from seqlstm.errors import Mistake

Lookup = Callable[..., Any]
"""`lookup("model", "cell", "kind")`: the value at a key of a raw table, or None."""


class TaskRules(Protocol):
    """A task's rules for its recipes; see `recipe/tasks/base.py`."""

    columns: tuple[str, ...]
    batching: str
    metrics: tuple[str, ...]
    unused_keys: tuple[str, ...]

    def check(self, lookup: Lookup) -> Iterator[Mistake]: ...


def inconsistencies(
    table: Table, tasks: Mapping[str, TaskRules], *, unusable: Collection[str] = ()
) -> Iterator[Mistake]:
    """Keys that contradict each other, in a table that may have other mistakes.

    Args:
        table: as read.
        tasks: the rules by name.
        unusable: dotted keys whose values have a wrong type or shape; the rules do not see them.
    """

    def lookup(*keys: str) -> Any:
        value: Any = table
        for count, key in enumerate(keys, 1):
            value = value.get(key) if isinstance(value, dict) else None
            if ".".join(keys[:count]) in unusable:
                return None
        return value

    yield from common_inconsistencies(lookup)
    name = lookup("task")
    if isinstance(name, str) and name in tasks:
        yield from task_inconsistencies(lookup, name, tasks)
        yield from tasks[name].check(lookup)


def common_inconsistencies(lookup: Lookup) -> Iterator[Mistake]:
    """Keys that contradict each other in recipes of every task."""
    if lookup("data", "unit") == "line" and lookup("data", "batching", "reset_at_document"):
        yield Mistake("data.batching.reset_at_document", 'cannot take effect with unit = "line"')
    if lookup("data", "batching", "bptt") == 1 and lookup("training", "regularizers", "temporal"):
        problem = "cannot take effect with batches of one step"
        yield Mistake("training.regularizers.temporal", problem)
    output = lookup("model", "output", "kind")
    if output not in (None, "softmax") and lookup("training", "label_smoothing"):
        yield Mistake("training.label_smoothing", f"needs a softmax output, not {output}")


def task_inconsistencies(
    lookup: Lookup, name: str, tasks: Mapping[str, TaskRules]
) -> Iterator[Mistake]:
    """Missing columns, and keys and values of other tasks."""
    task = tasks[name]
    for column in task.columns:
        if lookup("data") is not None and lookup("data", column) is None:
            yield Mistake(f"data.{column}", f"missing: a {name} recipe names its columns here")
    other_batching = {rules.batching for rules in tasks.values()} - {task.batching}
    if lookup("data", "batching", "kind") in other_batching:
        yield Mistake("data.batching.kind", f'a {name} recipe needs "{task.batching}"')
    for key in task.unused_keys:
        if lookup(*key.split(".")) is not None:
            yield Mistake(key, f"cannot take effect in a {name} recipe", "leave it out")
    all_metrics = {metric for rules in tasks.values() for metric in rules.metrics}
    if lookup("training", "metric") in all_metrics - {*task.metrics}:
        metrics = ", ".join(sorted(task.metrics))
        yield Mistake("training.metric", f"no metric of a {name} recipe", f"known: {metrics}")
