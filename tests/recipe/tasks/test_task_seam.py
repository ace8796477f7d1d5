"""All that a recipe's task decides stands in `recipe/tasks`, one file a task."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import seqlstm
from seqlstm.recipe.load import load
from seqlstm.recipe.tasks.registry import TASKS
from tests.recipe.tasks import line_length
from tests.runs import LANGUAGE_MODEL, answer, pairs_of, refusal, write_lines, write_recipe

PACKAGE = Path(seqlstm.__file__).parent
ALLOWED = (PACKAGE / "recipe" / "tasks", PACKAGE / "config" / "renamed.py")  # writes new names


def names_of_tasks(tree: ast.AST) -> Iterator[int]:
    """Lines with a string that is a task's name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in TASKS:
            yield node.lineno


def questions(tree: ast.AST) -> Iterator[int]:
    """Lines where an attribute `task` is neither an index of TASKS nor shown to a person.

    Two recipes' tasks may be compared with each other.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            tasks = [isinstance(side, ast.Attribute) and side.attr == "task" for side in sides]
            if any(tasks) and not all(tasks):
                yield node.lineno
        if isinstance(node, ast.Match) and "task" in ast.unparse(node.subject):
            yield node.lineno


def trees() -> Iterator[tuple[str, ast.AST]]:
    for path in PACKAGE.rglob("*.py"):
        if not any(path.is_relative_to(place) for place in ALLOWED):
            yield str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))


def test_no_other_file_asks_which_task_a_recipe_has() -> None:
    found = [
        f"{path}:{line}"
        for path, tree in trees()
        for line in (*names_of_tasks(tree), *questions(tree))
    ]
    assert not found


def test_the_walk_sees_questions() -> None:
    code = 'if recipe.task == "translation": ...\nmatch recipe.task:\n    case _: ...'
    assert [*names_of_tasks(ast.parse(code))] == [1]
    assert sorted(questions(ast.parse(code))) == [1, 2]
    assert not [*questions(ast.parse("first.task != second.task; TASKS[recipe.task]"))]


def halved(split: str) -> list[str]:
    """Sentences of which every second is cut in half."""
    lines = [source for source, _ in pairs_of(split)]
    return [line[: len(line) // 2] if row % 2 else line for row, line in enumerate(lines)]


def test_a_third_task_takes_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is checked, trained, evaluated and loaded by the commands as they are."""
    code = Path(line_length.__file__).read_text(encoding="utf-8").splitlines()
    assert len([line for line in code if line]) <= 60
    monkeypatch.setitem(TASKS, "line-length", line_length.LineLengthTask())
    text = LANGUAGE_MODEL.replace('"language-model"', '"line-length"').replace(
        '"stream", batch_size = 8, bptt = 16', '"tokens", max_tokens = 400'
    )
    path, run = write_recipe(tmp_path, text), tmp_path / "run"
    for split in ("train", "validation", "test"):
        write_lines(tmp_path / f"{split}.en", halved(split))
    with monkeypatch.context() as patch:
        patch.delitem(TASKS, "line-length")
        assert "task: must be one of" in refusal("train", path, "--run", run)
    assert 'needs "tokens"' in refusal("train", path, "--run", run, 'data.batching={kind="stream"}')
    assert "accuracy" in refusal("train", path, "--run", run, "training.metric=bleu")
    answer("train", path, "--run", run, "training.metric=accuracy")
    (scores,) = (json.loads(answer("evaluate", run, "--json")),)
    classifier: Any = load(run)
    assert classifier(halved("test")) == scores["accuracy"] > 0.9
