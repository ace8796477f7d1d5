"""The comment at the head of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RecipeHeader:
    """What the comment at the head of a recipe says.

    Attributes:
        title: its first line.
        reaches: after "Reaches:", the score and how it was measured.
        takes: after "Takes:", minutes and hardware.
    """

    title: str
    reaches: str
    takes: str


def read_header(path: Path) -> RecipeHeader:
    """The head of a recipe. What it does not say is empty."""
    comment: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())

    def after(label: str) -> str:
        starts = [index for index, line in enumerate(comment) if line.startswith(f"{label}:")]
        if not starts:
            return ""
        said = [comment[starts[0]].removeprefix(f"{label}:").strip()]
        for line in comment[starts[0] + 1 :]:
            if not line or line.split(" ")[0].endswith(":"):
                break
            said.append(line)
        return " ".join(said)

    return RecipeHeader(comment[0] if comment else "", after("Reaches"), after("Takes"))
