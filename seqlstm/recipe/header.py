"""The comment at the head of a recipe file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RecipeHeader:
    """The parts of the comment at the head of a recipe file; a missing part is empty.

    Attributes:
        title: the first line.
        reaches: after "Reaches:", the score and how it was measured.
        takes: after "Takes:", minutes and hardware.
    """

    title: str
    reaches: str
    takes: str


def read_header(path: Path) -> RecipeHeader:
    """Read the head of a recipe file."""
    comment: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())

    def text_after(label: str) -> str:
        starts = [index for index, line in enumerate(comment) if line.startswith(f"{label}:")]
        if not starts:
            return ""
        lines = [comment[starts[0]].removeprefix(f"{label}:").strip()]
        for line in comment[starts[0] + 1 :]:
            if not line or line.split(" ")[0].endswith(":"):
                break
            lines.append(line)
        return " ".join(lines)

    return RecipeHeader(comment[0] if comment else "", text_after("Reaches"), text_after("Takes"))
