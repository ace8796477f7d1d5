"""Names and prose of the package: one class for a name, and plain words."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import seqlstm

PACKAGE = Path(seqlstm.__file__).parent
PATHS = sorted(PACKAGE.rglob("*.py"))
UNCLEAR = re.compile(
    r"\b(tells?|told|telling|says?|said|afresh|anew|coins?|toss(es)?|whoever|nobody)\b",
    re.IGNORECASE,
)


def docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


def comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_and_comments_are_plain(path: Path) -> None:
    """Words for people are not for code: a function returns and a file has; neither speaks."""
    text = path.read_text(encoding="utf-8")
    for line, prose in (*docstrings(ast.parse(text)), *comments(text)):
        assert not (found := UNCLEAR.search(prose)), f"line {line}: {found[0]!r} in: {prose}"


def test_no_class_name_stands_twice() -> None:
    names = Counter(
        node.name
        for path in PATHS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert not [name for name, count in names.items() if count > 1]
