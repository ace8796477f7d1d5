"""How `translate` decodes: by beam search, by samples, or by the least risk among samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.inference.line_batches import Translation
    from seqlstm.inference.translator import LoadedTranslator

Find: TypeAlias = "Callable[[list[str], int], list[list[Translation]]]"
"""From lines, and the number of the first, counted from 0, to the translations of each."""

SAID = (
    "prefix",
    "bad_words",
    "no_repeat_ngram_size",
    "min_length",
    "max_length",
    "max_length_ratio",
    "batch",
)
BEAM = ("beam_size", "n_best", "length_penalty", "coverage_penalty", "force_words")
DRAWN = ("temperature", "top_k", "top_p", "min_p", "seed")


@dataclass(frozen=True)
class DecodingOptions:
    """The options as they were given; None, and no phrases, where nobody said anything."""

    beam_size: int | None = None
    n_best: int | None = None
    length_penalty: float | None = None
    coverage_penalty: float | None = None
    prefix: str | None = None
    force_words: tuple[str, ...] = ()
    bad_words: tuple[str, ...] = ()
    no_repeat_ngram_size: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    max_length_ratio: float | None = None
    sample: int | None = None
    mbr: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    seed: int | None = None
    batch: int = 64

    @property
    def several(self) -> bool:
        """Whether a line may have more than one translation."""
        return max(self.n_best or 1, self.sample or 1) > 1

    def given(self, names: Sequence[str]) -> dict[str, Any]:
        """Those that were given, of these names."""
        return {name: told for name in names if (told := getattr(self, name)) not in (None, ())}

    def check(self, loaded: LoadedTranslator) -> None:
        """Refuse what does not go together.

        Raises:
            ArgumentError: names the options.
        """
        if self.sample and self.mbr:
            raise ArgumentError(
                "--sample and --mbr exclude each other",
                hint="--mbr draws samples too, and prints the one most like all of them.",
            )
        for name in self.given(BEAM if self.sample or self.mbr else DRAWN):
            draws = "--sample" if self.sample else "--mbr"
            reason = f"with {draws}" if name in BEAM else "without --sample or --mbr"
            raise ArgumentError(f"{flag(name)} cannot take effect {reason}")
        beam_size = self.beam_size or loaded.beam_size
        if (self.n_best or 1) > beam_size:
            raise ArgumentError(
                f"--n-best {self.n_best} is more than the beam size {beam_size}",
                hint=f"Widen it: --beam-size {self.n_best}.",
            )
        if (self.min_length or 0) > (self.max_length or float("inf")):
            raise ArgumentError(
                f"--min-length {self.min_length} is more than --max-length {self.max_length}"
            )

    def finder(self, loaded: LoadedTranslator) -> Find:
        """What translates lines as these options say.

        Raises:
            ArgumentError: they do not go together.
        """
        self.check(loaded)
        said = self.given(SAID)
        drawn = said | self.given(DRAWN)
        if self.sample:
            return lambda lines, first: loaded.sample(
                lines, samples=self.sample or 1, first=first, **drawn
            )
        if self.mbr:
            from seqlstm.evaluation.translation import sentence_chrf

            return lambda lines, first: [
                [one]
                for one in loaded.minimum_bayes_risk(
                    lines, utility=sentence_chrf, samples=self.mbr or 1, first=first, **drawn
                )
            ]
        options = said | self.given(BEAM)
        return lambda lines, first: loaded.translations(lines, **options)


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")
