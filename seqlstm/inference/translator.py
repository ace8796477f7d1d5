"""A trained translator, from lines to lines."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from seqlstm import __version__
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.logits import make_logits_processor
from seqlstm.decoding.minimum_bayes_risk import Utility
from seqlstm.errors import ArgumentError
from seqlstm.inference.line_batches import (
    Find,
    TextOrIds,
    Translation,
    minimum_bayes_risk,
    score_pairs,
    translate_in_batches,
)
from seqlstm.inference.scoring import Score
from seqlstm.inference.search import SearchOptions, search_translations
from seqlstm.inference.system import TranslatorEnsemble
from seqlstm.inference.terminology import Pieces, Terminology
from seqlstm.inference.translation_samples import sample_translations, seeds_of
from seqlstm.models.translator import Translator
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer_pair import TokenizerPair

SAMPLED = {"no_repeat_ngram_size", "min_length", "max_length", "max_length_ratio"}
"""The options of `SearchOptions` that apply to samples too."""

AT_ONCE = 2
"""Batches at the same time on a CPU; more than two would wait for Python's lock."""


class MissingWordsWarning(UserWarning):
    """A translation lacks a forced phrase: too little room, or other constraints forbid it."""


class LoadedTranslator:
    """Translates and scores raw text.

    Args:
        model: the trained translator.
        tokenizers: of both languages.
        precision: of the products, and the device.
        beam_size: of beam search, unless a call says otherwise.
        length_penalty, coverage_penalty, no_repeat_ngram_size: as `SearchOptions` has them,
            unless a call says otherwise.
        longest: maximum tokens of a source; longer ones are truncated, with a warning.
        others: translators whose probabilities are averaged with the model's at every step.
    """

    scores_pairs = True  # `score` takes pairs of source and target

    def __init__(
        self,
        model: Translator,
        tokenizers: TokenizerPair,
        *,
        precision: Precision,
        beam_size: int = 5,
        length_penalty: float = 1.0,
        coverage_penalty: float = 0.0,
        no_repeat_ngram_size: int = 0,
        longest: int = 256,
        others: Sequence[Translator] = (),
    ) -> None:
        self.model = model.eval()
        models = [model, *(other.to(precision.device).eval() for other in others)]
        self.system = TranslatorEnsemble(models, tokenizers, precision)
        self.tokenizers = tokenizers
        self.precision = precision
        self.options = SearchOptions(
            beam_size=beam_size,
            length_penalty=length_penalty,
            coverage_penalty=coverage_penalty,
            no_repeat_ngram_size=no_repeat_ngram_size,
        )
        self.longest = longest

    @property
    def beam_size(self) -> int:
        return self.options.beam_size

    def together(self, *others: LoadedTranslator) -> LoadedTranslator:
        """An ensemble, by the average of the probabilities, with this translator's options.

        Raises:
            ArgumentError: a translator has another tokenizer, on either side.
        """
        for other in others:
            if other.tokenizers.fingerprint != self.tokenizers.fingerprint:
                names = " and ".join(f"RUN/{name}.model" for name in self.tokenizers.by_name)
                raise ArgumentError(
                    "an ensemble needs one tokenizer on each side, and these have others: "
                    f"{self.tokenizers.fingerprint} and {other.tokenizers.fingerprint}",
                    hint=f"Train them on the same: [tokenizer] file = {names}.",
                )
        joined = LoadedTranslator(
            self.model,
            self.tokenizers,
            precision=self.precision,
            longest=min(loaded.longest for loaded in (self, *others)),
            others=[
                *self.system.models[1:],
                *(model for other in others for model in other.system.models),
            ],
        )
        joined.options = self.options
        return joined

    def translate(self, lines: Sequence[str], *, batch: int = 64, **options: Any) -> list[str]:
        """The best translation of every line, in their order. An empty line stays empty.

        Args:
            lines: raw text, one sentence each.
            batch: sentences at once.
            options: as of `translations`.
        """
        return [best[0].text for best in self.translations(lines, batch=batch, **options)]

    def translations(
        self,
        lines: Sequence[str],
        *,
        batch: int = 64,
        prefix: str | Sequence[str] = "",
        force_words: Sequence[str] | Sequence[Sequence[str]] = (),
        bad_words: Sequence[str] = (),
        **options: Any,
    ) -> list[list[Translation]]:
        """The best translations of every line, best first, at most `n_best`.

        Args:
            lines: raw text, one sentence each.
            batch: sentences at once.
            prefix: how translations begin: of all lines, or one for each.
            force_words: phrases that appear: in all lines, or a list for each.
            bad_words: phrases that do not appear.
            options: those of `Search`; None stands for the model's own.

        Raises:
            ArgumentError: the phrases cannot be, or no translation fulfils all that is asked.
            ValueError: an option is out of its range.
        """
        search = self.searching(**options)
        target = self.tokenizers.target
        asked = Terminology.of(
            len(lines), target, prefix=prefix, force_words=force_words, bad_words=bad_words
        )

        def find(rows: list[int], ids: list[Pieces]) -> list[list[Hypothesis]]:
            return search_translations(self.system, ids, asked.select(rows), search=search)

        translations = self._translate(lines, find, batch=batch)
        missing = sum(
            bool(line.strip()) and not asked.fulfilled(row, list(best[0].ids))
            for row, (line, best) in enumerate(zip(lines, translations, strict=True))
        )
        if missing:
            warnings.warn(
                f"{missing} of {len(lines)} translations do not hold all that must appear: "
                "too little room, or it contradicts the rest",
                MissingWordsWarning,
                stacklevel=2,
            )
        return translations

    def sample(
        self,
        lines: Sequence[str],
        *,
        samples: int = 1,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        seed: int | None = None,
        first: int = 0,
        batch: int = 64,
        prefix: str | Sequence[str] = "",
        bad_words: Sequence[str] = (),
        **options: Any,
    ) -> list[list[Translation]]:
        """Random samples of translations of every line, by ancestral sampling.

        Their scores are the model's log-probabilities.

        Args:
            lines: raw text, one sentence each.
            samples: of each line.
            temperature, top_k, top_p, min_p: as `make_sampler` has them.
            seed: the same seed returns the same samples, for any batching; None for a random one.
            first: the number of the first line, where lines come in several calls.
            batch: sentences at once; fewer where their samples are more rows than a beam's.
            prefix, bad_words: as of `translations`.
            options: `no_repeat_ngram_size`, `min_length`, `max_length` and `max_length_ratio` of
                `SearchOptions`.

        Raises:
            ArgumentError: as of `translations`.
            ValueError: an option is out of its range.
        """
        if samples < 1:
            raise ValueError(f"samples must be positive, was: {samples}")
        if unused := sorted(options.keys() - SAMPLED):
            raise TypeError(f"{', '.join(unused)} cannot take effect on samples")
        search = self.searching(**options)
        process = make_logits_processor(
            temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p
        )
        asked = Terminology.of(
            len(lines), self.tokenizers.target, prefix=prefix, bad_words=bad_words
        )
        seeds = seeds_of(seed, first, len(lines))

        def find(rows: list[int], ids: list[Pieces]) -> list[list[Hypothesis]]:
            return sample_translations(
                self.system,
                ids,
                asked.select(rows),
                search=search,
                process=process,
                samples=samples,
                seeds=[seeds[row] for row in rows],
            )

        within = max(1, batch * self.beam_size // samples) if batch > 0 else batch
        return self._translate(lines, find, batch=min(batch, within))

    def least_risk(
        self, lines: Sequence[str], *, utility: Utility, samples: int = 32, **options: Any
    ) -> list[Translation]:
        """Minimum Bayes risk decoding by sampling (Eikema & Aziz, 2020).

        It returns, for every line, the sample of the highest average utility, which is its score.

        Args:
            lines: raw text, one sentence each.
            utility: of a hypothesis for a reference, such as `evaluation.utility.sentence_chrf`.
            samples: of each line.
            options: as of `sample`.
        """
        return [
            minimum_bayes_risk(translations, utility)
            for translations in self.sample(lines, samples=samples, **options)
        ]

    def _translate(
        self, lines: Sequence[str], find: Find, *, batch: int
    ) -> list[list[Translation]]:
        at_once = AT_ONCE if self.precision.device.type == "cpu" else 1
        return translate_in_batches(
            self.system, lines, find, longest=self.longest, batch=batch, at_once=at_once
        )

    def searching(self, **options: Any) -> SearchOptions:
        """The model's options, replaced by those of a call that are not None."""
        changes = {name: value for name, value in options.items() if value is not None}
        return replace(self.options, **changes)

    def signature(self, *, batch: int, **options: Any) -> str:
        """The signature of the search, to be reported with scores."""
        together = f"models:{len(self.system.models)}|" if len(self.system.models) > 1 else ""
        return (
            f"{self.searching(**options).signature()}|batch:{batch}|{together}"
            f"precision:{self.precision.name}"
            f"|tokenizer:{self.tokenizers.signature}|version:{__version__}"
        )

    def score(
        self, pairs: Sequence[tuple[TextOrIds, TextOrIds]], *, batch: int = 64
    ) -> list[Score]:
        """Log-probabilities of targets as translations of their sources.

        Each is text or token ids: a text may be tokenized otherwise than a hypothesis was, whose
        probability is that of its ids. Long texts are truncated, with a warning.
        """
        return score_pairs(self.system, pairs, longest=self.longest, batch=batch)
