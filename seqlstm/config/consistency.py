"""Keys of a recipe that do not go together, whatever else is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from seqlstm.config.base import Table
from seqlstm.errors import Mistake

Lookup = Callable[..., Any]
"""`lookup("model", "cell", "kind")`: the value at a key of a raw table, or None."""


class TaskRules(Protocol):
    """The rules that a task makes for its recipes; see `recipe/tasks/base.py`."""

    columns: tuple[str, ...]
    batching: str
    metrics: tuple[str, ...]
    unused_keys: tuple[str, ...]

    def check(self, lookup: Lookup) -> Iterator[Mistake]: ...


def inconsistencies(table: Table, tasks: Mapping[str, TaskRules]) -> Iterator[Mistake]:
    """Keys that do not go together, in a table that may be wrong otherwise too."""

    def lookup(*keys: str) -> Any:
        value: Any = table
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    yield from of_every_task(lookup)
    name = lookup("task")
    if isinstance(name, str) and name in tasks:
        yield from of_task(lookup, name, tasks)
        yield from tasks[name].check(lookup)


def of_every_task(lookup: Lookup) -> Iterator[Mistake]:
    if lookup("data", "unit") == "line" and lookup("data", "batching", "reset_at_document"):
        yield Mistake("data.batching.reset_at_document", 'cannot take effect with unit = "line"')
    if lookup("data", "batching", "bptt") == 1 and lookup("training", "regularizers", "temporal"):
        problem = "cannot take effect with batches of one step"
        yield Mistake("training.regularizers.temporal", problem)
    output = lookup("model", "output", "kind")
    if output not in (None, "softmax") and lookup("training", "label_smoothing"):
        yield Mistake("training.label_smoothing", f"needs a softmax output, not {output}")


def of_task(lookup: Lookup, name: str, tasks: Mapping[str, TaskRules]) -> Iterator[Mistake]:
    """Columns that are missing, and keys that are another task's."""
    task = tasks[name]
    for column in task.columns:
        if lookup("data") is not None and lookup("data", column) is None:
            yield Mistake(f"data.{column}", f"missing: a {name} recipe names its columns here")
    others = {rules.batching for rules in tasks.values()} - {task.batching}
    if lookup("data", "batching", "kind") in others:
        yield Mistake("data.batching.kind", f'a {name} recipe needs "{task.batching}"')
    for key in task.unused_keys:
        if lookup(*key.split(".")) is not None:
            yield Mistake(key, f"cannot take effect in a {name} recipe", "leave it out")
    every = {metric for rules in tasks.values() for metric in rules.metrics}
    if lookup("training", "metric") in every - {*task.metrics}:
        known = ", ".join(sorted(task.metrics))
        yield Mistake("training.metric", f"no metric of a {name} recipe", f"known: {known}")
