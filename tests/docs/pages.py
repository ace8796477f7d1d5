"""The pages of the documentation, and what they contain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
FOLDERS = ("recipes", "benchmarks", "tokenizers", "seqlstm/kernels")
WRITTEN = [
    ROOT / "README.md",
    *(ROOT / folder / "README.md" for folder in FOLDERS),
    *(page for page in sorted(DOCS.rglob("*.md")) if page.parent != REFERENCE),
]
"""The pages that people write."""

FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The code blocks in these languages; "" is that of blocks without one."""
    for language, block in FENCED.findall(page.read_text(encoding="utf-8")):
        if language in languages:
            yield block


def prose(page: Path) -> str:
    """The text without code blocks."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))
