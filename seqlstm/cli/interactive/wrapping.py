"""Text that comes bit by bit, fit for a terminal."""

from __future__ import annotations

from rich.cells import cell_len

TAB = 8


class Wrap:
    """Breaks lines between words, so that none is cut at a terminal's edge.

    A word is shown once it is whole. Texts that `push` returned and that of `flush`, joined, are
    what was pushed, but for line ends that stand where spaces would, and `visible` characters.

    Args:
        width: of the terminal, in columns.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.column = 0
        self.spaces = self.word = ""

    def push(self, part: str) -> str:
        """What can be shown now."""
        return "".join(map(self.take, part))

    def take(self, character: str) -> str:
        if character == "\n":
            word, self.spaces, self.column = self.flush(), "", 0
            return f"{word}\n"
        if character in " \t":
            word = self.flush()
            tab = TAB - (self.column + len(self.spaces)) % TAB
            self.spaces += " " * (tab if character == "\t" else 1)
            return word
        shown = visible(character)
        # Scripts that know no spaces break anywhere; what is wider than a line must.
        alone = cell_len(shown) > 1
        before = self.flush() if alone or cell_len(self.word + shown) > self.width else ""
        self.word += shown
        return before + self.flush() if alone else before

    def flush(self) -> str:
        """The word that waited for its end."""
        if not self.word:
            return ""
        size, spaces, word = cell_len(self.word), self.spaces, self.word
        self.spaces = self.word = ""
        if self.column and self.column + len(spaces) + size > self.width:
            self.column = size
            return f"\n{word}"
        self.column += len(spaces) + size
        return spaces + word


def visible(text: str) -> str:
    """`text` without what a terminal would obey: control characters have pictures of their own."""
    return "".join(
        character if character in "\n\t" or character.isprintable() else picture(character)
        for character in text
    )


def picture(character: str) -> str:
    if character == "\x7f":
        return "␡"
    return chr(0x2400 + ord(character)) if character < " " else "\ufffd"
