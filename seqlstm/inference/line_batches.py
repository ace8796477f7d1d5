"""Translation and scoring of lines, in batches of similar length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor

from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.minimum_bayes_risk import Utility, expected_utilities
from seqlstm.errors import ArgumentError
from seqlstm.inference.scoring import Score, batches_by_length, make_score, truncate
from seqlstm.inference.system import TranslatorEnsemble
from seqlstm.inference.terminology import TokenIds
from seqlstm.runtime.threads import map_in_threads
from seqlstm.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Translation:
    """One translation of a line.

    Attributes:
        text: detokenised.
        score: the criterion by which it was selected: in beam search, the log-probability with
            penalties.
        log_probability: in nats, eos included.
        ids: its tokens, as the search returned them.
        finished: whether eos came before the maximum length.
    """

    text: str
    score: float
    log_probability: float
    ids: tuple[int, ...] = ()
    finished: bool = True


EMPTY = Translation("", 0.0, 0.0)

DecodeBatch: TypeAlias = Callable[[list[int], list[TokenIds]], list[list[Hypothesis]]]
"""`decode(rows, ids)`: the hypotheses of a batch, from the lines' indices and token ids."""

TextOrIds: TypeAlias = str | Sequence[int]
"""A text, or its token ids."""


def translate_in_batches(
    ensemble: TranslatorEnsemble,
    lines: Sequence[str],
    decode: DecodeBatch,
    *,
    max_input_length: int,
    batch: int,
    at_once: int,
) -> list[list[Translation]]:
    """The translations of each line, in the order of the lines. An empty line stays empty.

    Args:
        ensemble: its tokenizers are used.
        lines: raw text.
        decode: searches or samples the hypotheses of a batch.
        max_input_length: maximum tokens of a line; longer ones are truncated.
        batch: maximum number of lines in a batch.
        at_once: number of batches that are translated in parallel.

    Raises:
        ArgumentError: a line has no hypothesis.
        ValueError: `batch` is not positive.
    """
    if batch < 1:
        raise ValueError(f"batch must be positive, was: {batch}")
    ids = truncate(ensemble.tokenizers.source.encode_batch(lines), max_input_length, what="line")
    non_empty = [row for row, line in enumerate(lines) if line.strip()]
    by_length = batches_by_length([len(ids[row]) for row in non_empty], batch)
    batches = [[non_empty[index] for index in indices] for indices in by_length]

    def translate_batch(rows: list[int]) -> list[list[Translation]]:
        results = decode(rows, [ids[row] for row in rows])
        for row, hypotheses in zip(rows, results, strict=True):
            if not hypotheses:
                raise ArgumentError(
                    f"no translation of this line fulfils all constraints: {lines[row]}"
                )
        return [
            [make_translation(hypothesis, ensemble.tokenizers.target) for hypothesis in hypotheses]
            for hypotheses in results
        ]

    translations = [[EMPTY] for _ in lines]
    results = map_in_threads(translate_batch, batches, at_once=at_once)
    for rows, batch_translations in zip(batches, results, strict=True):
        for row, line_translations in zip(rows, batch_translations, strict=True):
            translations[row] = line_translations
    return translations


def make_translation(hypothesis: Hypothesis, tokenizer: Tokenizer) -> Translation:
    return Translation(
        tokenizer.decode(hypothesis.ids).replace("\n", " "),
        hypothesis.score,
        hypothesis.log_probability,
        tuple(hypothesis.ids),
        hypothesis.finished,
    )


def lowest_risk_sample(samples: Sequence[Translation], utility: Utility) -> Translation:
    """The sample of the highest expected utility, which becomes its score."""
    texts = [sample.text for sample in samples]
    text, expected_utility = next(iter(expected_utilities(texts, utility).items()))
    return replace(samples[texts.index(text)], score=expected_utility)


@torch.inference_mode()
def score_pairs(
    ensemble: TranslatorEnsemble,
    pairs: Sequence[tuple[TextOrIds, TextOrIds]],
    *,
    max_input_length: int,
    batch: int,
) -> list[Score]:
    """Log-probabilities of targets as translations of their sources."""
    source_tokenizer, target_tokenizer = ensemble.tokenizers.source, ensemble.tokenizers.target
    sources = token_ids([source for source, _ in pairs], source_tokenizer, max_input_length)
    targets = token_ids([target for _, target in pairs], target_tokenizer, max_input_length)
    log_probs: dict[int, Tensor] = {}
    for rows in batches_by_length([len(target) for target in targets], batch):
        batch_log_probs = ensemble.log_probabilities(
            [sources[row] for row in rows], [targets[row] for row in rows]
        )
        log_probs.update(zip(rows, batch_log_probs.cpu(), strict=True))
    return [
        make_score(
            target if isinstance(target, str) else target_tokenizer.decode(target),
            [*ids, target_tokenizer.end],
            log_probs[row],
            target_tokenizer,
        )
        for row, ((_, target), ids) in enumerate(zip(pairs, targets, strict=True))
    ]


def token_ids(
    entries: Sequence[TextOrIds], tokenizer: Tokenizer, max_input_length: int
) -> list[TokenIds]:
    """Ids of texts, truncated to `max_input_length`; ids remain as they are."""
    texts = [entry if isinstance(entry, str) else "" for entry in entries]
    encoded = truncate(tokenizer.encode_batch(texts), max_input_length, what="line")
    return [
        ids if isinstance(entry, str) else list(entry)
        for ids, entry in zip(encoded, entries, strict=True)
    ]
