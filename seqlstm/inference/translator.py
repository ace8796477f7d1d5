"""A trained translator, or an ensemble of them, that translates and scores raw text."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from seqlstm import __version__
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.logits import make_logits_processor
from seqlstm.decoding.minimum_bayes_risk import Utility
from seqlstm.errors import ArgumentError
from seqlstm.inference.line_batches import (
    DecodeBatch,
    TextOrIds,
    Translation,
    lowest_risk_sample,
    score_pairs,
    translate_in_batches,
)
from seqlstm.inference.placeholders import translate_protected
from seqlstm.inference.scoring import Score
from seqlstm.inference.search import SearchOptions, search_translations
from seqlstm.inference.system import TranslatorEnsemble
from seqlstm.inference.terminology import Terminology, TokenIds
from seqlstm.inference.translation_samples import line_seeds, sample_translations
from seqlstm.models.translator import Translator
from seqlstm.runtime.device import Precision
from seqlstm.text.placeholders import SYMBOLS
from seqlstm.text.tokenizer_pair import TokenizerPair

SAMPLING_OPTIONS = {"no_repeat_ngram_size", "min_length", "max_length", "max_length_ratio"}
"""The fields of `SearchOptions` that have an effect on samples."""

PARALLEL_BATCHES = 2
"""Batches that are translated in parallel on a CPU; more would wait for Python's lock."""


class MissingWordsWarning(UserWarning):
    """A translation lacks a forced phrase, by its maximum length or another constraint."""


class LoadedTranslator:
    """Translates and scores raw text.

    Args:
        model: the trained translator.
        tokenizers: of both languages.
        precision: of the products, and the device.
        beam_size, length_penalty, coverage_penalty, no_repeat_ngram_size: defaults of
            `SearchOptions` for calls that do not set them.
        max_input_length: maximum tokens of a source, and of a target in `score`; longer ones are
            truncated, with a warning.
        others: translators whose probabilities are averaged with the model's at every step.
        placeholders: whether the model was trained with placeholders.
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
        max_input_length: int = 256,
        others: Sequence[Translator] = (),
        placeholders: bool = False,
    ) -> None:
        self.model = model.eval()
        models = [model, *(other.to(precision.device).eval() for other in others)]
        self.ensemble = TranslatorEnsemble(models, tokenizers, precision)
        self.tokenizers = tokenizers
        self.precision = precision
        self.options = SearchOptions(
            beam_size=beam_size,
            length_penalty=length_penalty,
            coverage_penalty=coverage_penalty,
            no_repeat_ngram_size=no_repeat_ngram_size,
        )
        self.max_input_length = max_input_length
        symbols = tokenizers.target.symbols if placeholders else {}
        self.symbols = {symbol: symbols[symbol] for symbol in SYMBOLS if placeholders}
        self.forbidden = [*self.symbols.values()]  # unless they stand for strings of a line

    @property
    def beam_size(self) -> int:
        return self.options.beam_size

    def ensemble_with(self, *others: LoadedTranslator) -> LoadedTranslator:
        """An ensemble that averages the probabilities; it has the options of this translator.

        Raises:
            ArgumentError: a translator has another source or target tokenizer.
        """
        for other in others:
            if other.tokenizers.fingerprint != self.tokenizers.fingerprint:
                names = " and ".join(f"RUN/{name}.model" for name in self.tokenizers.by_name)
                raise ArgumentError(
                    "an ensemble needs one tokenizer on each side, but these differ: "
                    f"{self.tokenizers.fingerprint} and {other.tokenizers.fingerprint}",
                    hint=f"Train them with the same tokenizers: [tokenizer] file = {names}.",
                )
        ensemble = LoadedTranslator(
            self.model,
            self.tokenizers,
            precision=self.precision,
            max_input_length=min(loaded.max_input_length for loaded in (self, *others)),
            others=[
                *self.ensemble.models[1:],
                *(model for other in others for model in other.ensemble.models),
            ],
            placeholders=all(loaded.symbols for loaded in (self, *others)),
        )
        ensemble.options = self.options
        # Those of one member are enough: their ids are the same in all tokenizers of the ensemble.
        ensemble.forbidden = max((each.forbidden for each in (self, *others)), key=len)
        return ensemble

    def translate(self, lines: Sequence[str], *, batch: int = 64, **options: Any) -> list[str]:
        """The best translation of every line, in order. An empty line stays empty.

        Args:
            lines: raw text, one sentence each.
            batch: maximum number of lines in a batch.
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
        placeholders: bool = False,
        first: int = 0,
        **options: Any,
    ) -> list[list[Translation]]:
        """The `n_best` translations of every line, best first.

        Args:
            lines: raw text, one sentence each.
            batch: maximum number of lines in a batch.
            prefix: with which translations begin: one for all lines, or one for each.
            force_words: phrases that must appear: one list for all lines, or a list for each.
            bad_words: phrases that must not appear in any translation.
            placeholders: whether numbers, addresses, format strings and tags are copied, each
                exactly once. A line for which this fails is translated without, with a warning.
            first: index of the first line in the whole text, for warnings.
            options: fields of `SearchOptions`; None for the translator's default.

        Raises:
            ArgumentError: the phrases are not possible, no translation fulfils all constraints, or
                the model was not trained with placeholders.
            ValueError: an option is out of its range.
        """
        search = self.search_options(**options)
        target = self.tokenizers.target
        terminology = Terminology.from_text(
            len(lines), target, prefix=prefix, force_words=force_words, bad_words=bad_words
        )

        run_search = partial(self._search, search=search, batch=batch)
        if placeholders:
            self.check_placeholders()
            translations = translate_protected(
                lines,
                terminology,
                run_search,
                symbols=self.symbols,
                max_length=search.max_length,
                first=first,
            )
        else:
            translations = run_search(lines, terminology.with_symbols(self.forbidden))
        missing = sum(
            bool(line.strip()) and not terminology.is_fulfilled(row, list(best[0].ids))
            for row, (line, best) in enumerate(zip(lines, translations, strict=True))
        )
        if missing:
            warnings.warn(
                f"{missing} of {len(lines)} translations lack a phrase that must appear: "
                "the maximum length is too small, or other constraints forbid it",
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
        """Random translations of every line, by ancestral sampling.

        Their scores are the model's log-probabilities.

        Args:
            lines: raw text, one sentence each.
            samples: number of translations of each line.
            temperature, top_k, top_p, min_p: as of `make_sampler`.
            seed: the same seed returns the same samples, for any batch size; None for a random one.
            first: index of the first line in the whole text, if lines come in several calls.
            batch: maximum number of lines in a batch; reduced if `samples` exceeds the beam size.
            prefix, bad_words: as of `translations`.
            options: those of `SAMPLING_OPTIONS`.

        Raises:
            ArgumentError: as of `translations`.
            ValueError: an option is out of its range.
        """
        if samples < 1:
            raise ValueError(f"samples must be positive, was: {samples}")
        if unused := sorted(options.keys() - SAMPLING_OPTIONS):
            raise TypeError(f"{', '.join(unused)} cannot take effect on samples")
        search = self.search_options(**options)
        process = make_logits_processor(
            temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p
        )
        terminology = Terminology.from_text(
            len(lines), self.tokenizers.target, prefix=prefix, bad_words=bad_words
        ).with_symbols(self.forbidden)
        seeds = line_seeds(seed, first, len(lines))

        def decode(rows: list[int], ids: list[TokenIds]) -> list[list[Hypothesis]]:
            return sample_translations(
                self.ensemble,
                ids,
                terminology.select(rows),
                search=search,
                process=process,
                samples=samples,
                seeds=[seeds[row] for row in rows],
            )

        # As many rows as beam search would have with a batch of this size.
        reduced = max(1, batch * self.beam_size // samples) if batch > 0 else batch
        return self._translate(lines, decode, batch=min(batch, reduced))

    def minimum_bayes_risk(
        self, lines: Sequence[str], *, utility: Utility, samples: int = 32, **options: Any
    ) -> list[Translation]:
        """Minimum Bayes risk decoding by sampling (Eikema & Aziz, 2020).

        It returns the sample of the highest average utility for every line; this is its score.

        Args:
            lines: raw text, one sentence each.
            utility: of a hypothesis for a reference, such as `sentence_chrf` of
                `evaluation/translation.py`.
            samples: number of samples of each line.
            options: as of `sample`.
        """
        return [
            lowest_risk_sample(translations, utility)
            for translations in self.sample(lines, samples=samples, **options)
        ]

    def check_placeholders(self) -> None:
        """Make sure that the model was trained with placeholders.

        Raises:
            ArgumentError: it was not.
        """
        if not self.symbols:
            raise ArgumentError(
                "this translator was not trained with placeholders, so it cannot copy them",
                hint="Train one with data.placeholders=0.5: half of the pairs that have any.",
            )

    def _search(
        self,
        lines: Sequence[str],
        terminology: Terminology,
        *,
        search: SearchOptions,
        batch: int,
    ) -> list[list[Translation]]:
        def decode(rows: list[int], ids: list[TokenIds]) -> list[list[Hypothesis]]:
            return search_translations(self.ensemble, ids, terminology.select(rows), search=search)

        return self._translate(lines, decode, batch=batch)

    def _translate(
        self, lines: Sequence[str], decode: DecodeBatch, *, batch: int
    ) -> list[list[Translation]]:
        at_once = PARALLEL_BATCHES if self.precision.device.type == "cpu" else 1
        return translate_in_batches(
            self.ensemble,
            lines,
            decode,
            max_input_length=self.max_input_length,
            batch=batch,
            at_once=at_once,
        )

    def search_options(self, **options: Any) -> SearchOptions:
        """The translator's options, replaced by those of a call that are not None."""
        changes = {name: value for name, value in options.items() if value is not None}
        return replace(self.options, **changes)

    def signature(self, *, batch: int, **options: Any) -> str:
        """The signature of the search, to be reported with scores."""
        count = len(self.ensemble.models)
        models = f"models:{count}|" if count > 1 else ""
        return (
            f"{self.search_options(**options).signature()}|batch:{batch}|{models}"
            f"precision:{self.precision.name}"
            f"|tokenizer:{self.tokenizers.signature}|version:{__version__}"
        )

    def score(
        self, pairs: Sequence[tuple[TextOrIds, TextOrIds]], *, batch: int = 64
    ) -> list[Score]:
        """Log-probabilities of targets as translations of their sources.

        Sources and targets are texts or token ids. Pass the ids of a hypothesis to score it: its
        text may be tokenized differently. Long texts are truncated, with a warning.
        """
        return score_pairs(
            self.ensemble, pairs, max_input_length=self.max_input_length, batch=batch
        )
