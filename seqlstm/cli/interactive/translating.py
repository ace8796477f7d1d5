"""`seqlstm translate` on a terminal: lines are translated, commands change how."""

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
/max-length 40, /no-repeat-ngram-size 3: as the options of these names; without a number, the run's
own.
/scores: scores before translations, or no longer. /help: this. //…: a line that begins with /.
Ctrl-D ends."""


@dataclass
class TranslationSession:
    """What has been set so far.

    Args:
        loaded: the translator.
        decoding: how it decodes at first.
        scores: whether scores are shown at first.
    """

    loaded: LoadedTranslator
    decoding: DecodingOptions
    scores: bool

    def run(self, lines: Iterable[str], show: Callable[..., object]) -> None:
        """Answer line after line by `show(find, lines, number, scores=, numbered=)`."""
        number = 0

        def answer(line: str) -> None:
            nonlocal number
            find = self.decoding.finder(self.loaded)
            show(find, [line], number, scores=self.scores, numbered=self.decoding.several)
            number += 1

        actions: dict[str, Callable[[str], None]] = {
            **{name: partial(self.change, name) for name in NUMBERS},
            "scores": self.switch_scores,
            "help": lambda _: note(HELP),
        }
        converse(lines, answer=answer, actions=actions)

    def change(self, name: str, value: str) -> None:
        """Decode otherwise from now on; one that makes no sense changes nothing.

        Raises:
            ArgumentError: it makes no sense.
        """
        told = {name.replace("-", "_"): NUMBERS[name].read(name, value)}
        changed = replace(self.decoding, **told)  # type: ignore[arg-type]  # an int where asked for
        changed.check(self.loaded)
        self.decoding = changed

    def switch_scores(self, _: str) -> None:
        self.scores = not self.scores
        note("scores are shown" if self.scores else "scores are not shown")
