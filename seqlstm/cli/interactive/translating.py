"""`seqlstm translate` on a terminal: translates lines; commands change the options."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from seqlstm.cli.console import note
from seqlstm.cli.decoding_options import DecodingOptions
from seqlstm.cli.interactive.repl import Number, converse

if TYPE_CHECKING:
    from seqlstm.inference.translator import LoadedTranslator

NUMBERS = {
    "n-best": Number(int, 1),
    "beam-size": Number(int, 1),
    "length-penalty": Number(float),
    "coverage-penalty": Number(float),
    "no-repeat-ngram-size": Number(int),
    "min-length": Number(int),
    "max-length": Number(int, 1),
}
HELP = """/n-best 5, /beam-size 8, /length-penalty 0.6, /coverage-penalty 0.2, /min-length 5,
/max-length 40, /no-repeat-ngram-size 3: set the option of this name; without a number, back to the
default.
/scores: switch scores on or off. /help: show this text. //text: translate /text.
Ctrl-D ends."""


@dataclass
class TranslationSession:
    """An interactive session with its current options.

    Args:
        loaded: the translator.
        decoding: the options at the start.
        scores: whether scores are shown at the start.
    """

    loaded: LoadedTranslator
    decoding: DecodingOptions
    scores: bool

    def run(self, lines: Iterable[str], show: Callable[..., object]) -> None:
        """Answer each line by `show(translate, lines, number, scores=, numbered=)`."""
        number = 0

        def answer(line: str) -> None:
            nonlocal number
            translate = self.decoding.translate_function(self.loaded)
            numbered = self.decoding.has_several
            show(translate, [line], number, scores=self.scores, numbered=numbered)
            number += 1

        actions: dict[str, Callable[[str], None]] = {
            **{name: partial(self.change, name) for name in NUMBERS},
            "scores": self.switch_scores,
            "help": lambda _: note(HELP),
        }
        converse(lines, answer=answer, actions=actions)

    def change(self, name: str, value: str) -> None:
        """Change an option; a wrong value changes nothing.

        Raises:
            ArgumentError: the value is wrong, or excludes another option.
        """
        option = {name.replace("-", "_"): NUMBERS[name].read(name, value)}
        changed = replace(self.decoding, **option)  # type: ignore[arg-type]  # int or float
        changed.check(self.loaded)
        self.decoding = changed

    def switch_scores(self, _: str) -> None:
        self.scores = not self.scores
        note("scores are shown" if self.scores else "scores are not shown")
