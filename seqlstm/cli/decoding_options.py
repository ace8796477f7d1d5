"""How `translate` decodes: beam search, sampling, or minimum Bayes risk (MBR)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.inference.line_batches import Translation
    from seqlstm.inference.translator import LoadedTranslator

TranslateLines: TypeAlias = "Callable[[list[str], int], list[list[Translation]]]"
"""A function of lines and the number of the first, from 0; returns the translations of each."""

CONSTRAINTS = (
    "prefix",
    "bad_words",
    "no_repeat_ngram_size",
    "min_length",
    "max_length",
    "max_length_ratio",
    "batch",
)
BEAM = (
    "beam_size",
    "n_best",
    "length_penalty",
    "coverage_penalty",
    "force_words",
    "placeholders",
)
SAMPLING = ("temperature", "top_k", "top_p", "min_p", "seed")


@dataclass(frozen=True)
class DecodingOptions:
    """The decoding options of the command line; None or an empty tuple where one is not set."""

    beam_size: int | None = None
    n_best: int | None = None
    length_penalty: float | None = None
    coverage_penalty: float | None = None
    prefix: str | None = None
    force_words: tuple[str, ...] = ()
    placeholders: bool | None = None
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
    def has_several(self) -> bool:
        """Whether a line may have more than one translation."""
        return max(self.n_best or 1, self.sample or 1) > 1

    def selected(self, names: Sequence[str]) -> dict[str, Any]:
        """Those of these options that are set."""
        options = {name: getattr(self, name) for name in names}
        return {name: value for name, value in options.items() if value not in (None, ())}

    def check(self, loaded: LoadedTranslator) -> None:
        """Make sure that the options can be combined.

        Raises:
            ArgumentError: two options exclude each other; the message names them.
        """
        if self.sample and self.mbr:
            raise ArgumentError(
                "--sample and --mbr exclude each other",
                hint="--mbr samples too, and prints the translation most similar to all samples.",
            )
        for name in self.selected(BEAM if self.sample or self.mbr else SAMPLING):
            method = "--sample" if self.sample else "--mbr"
            reason = f"with {method}" if name in BEAM else "without --sample or --mbr"
            raise ArgumentError(f"{flag(name)} cannot take effect {reason}")
        if self.placeholders:
            loaded.check_placeholders()
        beam_size = self.beam_size or loaded.beam_size
        if (self.n_best or 1) > beam_size:
            raise ArgumentError(
                f"--n-best {self.n_best} is more than the beam size {beam_size}",
                hint=f"Use a larger beam: --beam-size {self.n_best}.",
            )
        if (self.min_length or 0) > (self.max_length or float("inf")):
            raise ArgumentError(
                f"--min-length {self.min_length} is more than --max-length {self.max_length}"
            )

    def translate_function(self, loaded: LoadedTranslator) -> TranslateLines:
        """A function that translates lines with these options.

        Raises:
            ArgumentError: two options exclude each other.
        """
        self.check(loaded)
        constraints = self.selected(CONSTRAINTS)
        sampling = constraints | self.selected(SAMPLING)
        if self.sample:
            return lambda lines, first: loaded.sample(
                lines, samples=self.sample or 1, first=first, **sampling
            )
        if self.mbr:
            from seqlstm.evaluation.translation import sentence_chrf

            return lambda lines, first: [
                [translation]
                for translation in loaded.minimum_bayes_risk(
                    lines, utility=sentence_chrf, samples=self.mbr or 1, first=first, **sampling
                )
            ]
        options = constraints | self.selected(BEAM)
        return lambda lines, first: loaded.translations(lines, first=first, **options)


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")
