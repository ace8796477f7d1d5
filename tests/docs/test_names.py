"""Files, recipe keys and identifiers that the documentation names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seqlstm.config.renamed import RENAMED_KEYS, RENAMED_VALUES
from tests.docs.pages import DOCS, ROOT, WRITTEN, name_of

PACKAGE = ROOT / "seqlstm"
INTERNALS = [DOCS / "contributing.md", *sorted((DOCS / "internals").glob("*.md"))]
RENAMED = RENAMED_KEYS.keys() | {old for values in RENAMED_VALUES.values() for old in values}

PATH = re.compile(r"(?<![\w/.-])(?:benchmarks|docs|recipes|seqlstm|tests|tokenizers)/[\w./*…-]*\w")
PLACEHOLDER = re.compile(r"NAME|[*…~]")
CODE = re.compile(r"`([^`\n]+)`")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*(\.\w+)*(\(.*\))?")

every_page = pytest.mark.parametrize("page", WRITTEN, ids=name_of)


@pytest.fixture(scope="module")
def words() -> set[str]:
    """Every word of the Python sources."""
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    return {word for file in files for word in re.findall(r"\w+", file.read_text("utf-8"))}


@every_page
def test_paths_exist(page: Path) -> None:
    for path in PATH.findall(page.read_text("utf-8")):
        assert PLACEHOLDER.search(path) or (ROOT / path).exists(), path


@every_page
def test_keys_and_kinds_have_their_names_of_today(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not RENAMED & {*CODE.findall(text)}
    for key in RENAMED_KEYS:
        assert not re.search(rf"(?<![\w.]){re.escape(key)}=", text), key


@pytest.mark.parametrize("page", INTERNALS, ids=name_of)
def test_modules_and_identifiers_exist(page: Path, words: set[str]) -> None:
    files = {path.name for path in PACKAGE.rglob("*")} | {path.name for path in ROOT.iterdir()}
    for code in CODE.findall(page.read_text("utf-8")):
        if PLACEHOLDER.search(code) or code in files:
            continue
        if "/" in code and " " not in code:
            assert any((folder / code).exists() for folder in (ROOT, PACKAGE)), code
        elif IDENTIFIER.fullmatch(code):
            assert {*re.findall(r"\w+", code.partition("(")[0])} <= words, code
