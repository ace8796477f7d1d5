"""Word wrap for text that arrives in parts."""

from __future__ import annotations

from rich.cells import cell_len

from seqlstm.cli.visible import visible

TAB = 8


class Wrap:
    """Incremental word wrap: breaks lines between words at the width of a terminal.

    A word appears when it is complete. All results of `push` and `flush`, joined, are the pushed
    text, except for line ends in place of spaces and for control characters (see `visible`).

    Args:
        width: columns of the terminal.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.column = 0
        self.spaces = self.word = ""

    def push(self, part: str) -> str:
        """The text up to the last complete word."""
        return "".join(map(self.push_character, part))

    def push_character(self, character: str) -> str:
        if character == "\n":
            word, self.spaces, self.column = self.flush(), "", 0
            return f"{word}\n"
        if character in " \t":
            word = self.flush()
            tab = TAB - (self.column + len(self.spaces)) % TAB
            self.spaces += " " * (tab if character == "\t" else 1)
            return word
        shown = visible(character)
        # Wide characters (of scripts without spaces) may break anywhere, too long words must.
        alone = cell_len(shown) > 1
        before = self.flush() if alone or cell_len(self.word + shown) > self.width else ""
        self.word += shown
        return before + self.flush() if alone else before

    def flush(self) -> str:
        """The last word, complete or not."""
        if not self.word:
            return ""
        size, spaces, word = cell_len(self.word), self.spaces, self.word
        self.spaces = self.word = ""
        if self.column and self.column + len(spaces) + size > self.width:
            self.column = size
            return f"\n{word}"
        self.column += len(spaces) + size
        return spaces + word
