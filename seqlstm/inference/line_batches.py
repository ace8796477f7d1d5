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
from seqlstm.inference.terminology import Pieces
from seqlstm.runtime.threads import map_in_threads
from seqlstm.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Translation:
    """One translation of a line.

    Attributes:
        text: detokenised.
        score: log-probability with penalties, by which beam search ranks; or another criterion.
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

Find: TypeAlias = Callable[[list[int], list[Pieces]], list[list[Hypothesis]]]
"""From indices of lines, and their token ids, to the hypotheses of each line."""

TextOrIds: TypeAlias = str | Sequence[int]
"""A text, or its token ids."""


def translate_in_batches(
    system: TranslatorEnsemble,
    lines: Sequence[str],
    find: Find,
    *,
    longest: int,
    batch: int,
    at_once: int,
) -> list[list[Translation]]:
    """The translations of each line, in the order of the lines. An empty line stays empty.

    Args:
        system: with the tokenizers.
        lines: raw text.
        find: searches or samples the hypotheses of a batch.
        longest: maximum tokens of a line; longer ones are truncated.
        batch: lines of a batch.
        at_once: batches that are translated at the same time.

    Raises:
        ArgumentError: a line has no hypothesis.
        ValueError: `batch` is not positive.
    """
    if batch < 1:
        raise ValueError(f"batch must be positive, was: {batch}")
    ids = truncate(system.tokenizers.source.encode_batch(lines), longest, what="line")
    filled = [row for row, line in enumerate(lines) if line.strip()]
    by_length = batches_by_length([len(ids[row]) for row in filled], batch)
    batches = [[filled[index] for index in indices] for indices in by_length]

    def translate_batch(rows: list[int]) -> list[list[Translation]]:
        results = find(rows, [ids[row] for row in rows])
        for row, hypotheses in zip(rows, results, strict=True):
            if not hypotheses:
                raise ArgumentError(
                    f"no translation of this line fulfils all that is asked: {lines[row]}"
                )
        return [
            [translation(hypothesis, system.tokenizers.target) for hypothesis in hypotheses]
            for hypotheses in results
        ]

    translations = [[EMPTY] for _ in lines]
    results = map_in_threads(translate_batch, batches, at_once=at_once)
    for rows, of_batch in zip(batches, results, strict=True):
        for row, of_line in zip(rows, of_batch, strict=True):
            translations[row] = of_line
    return translations


def translation(hypothesis: Hypothesis, tokenizer: Tokenizer) -> Translation:
    return Translation(
        tokenizer.decode(hypothesis.ids).replace("\n", " "),
        hypothesis.score,
        hypothesis.log_probability,
        tuple(hypothesis.ids),
        hypothesis.finished,
    )


def minimum_bayes_risk(samples: Sequence[Translation], utility: Utility) -> Translation:
    """The sample of the highest expected utility, with this utility as its score."""
    texts = [sample.text for sample in samples]
    text, value = next(iter(expected_utilities(texts, utility).items()))
    return replace(samples[texts.index(text)], score=value)


@torch.inference_mode()
def score_pairs(
    system: TranslatorEnsemble,
    pairs: Sequence[tuple[TextOrIds, TextOrIds]],
    *,
    longest: int,
    batch: int,
) -> list[Score]:
    """Log-probabilities of targets as translations of their sources."""
    reader, writer = system.tokenizers.source, system.tokenizers.target
    sources = token_ids([source for source, _ in pairs], reader, longest)
    targets = token_ids([target for _, target in pairs], writer, longest)
    values: dict[int, Tensor] = {}
    for rows in batches_by_length([len(target) for target in targets], batch):
        scores = system.log_probabilities(
            [sources[row] for row in rows], [targets[row] for row in rows]
        )
        values.update(zip(rows, scores.cpu(), strict=True))
    return [
        make_score(
            target if isinstance(target, str) else writer.decode(target),
            [*ids, writer.end],
            values[row],
            writer,
        )
        for row, ((_, target), ids) in enumerate(zip(pairs, targets, strict=True))
    ]


def token_ids(entries: Sequence[TextOrIds], tokenizer: Tokenizer, longest: int) -> list[Pieces]:
    """Ids of texts, truncated to `longest`; ids remain as they are."""
    texts = [entry if isinstance(entry, str) else "" for entry in entries]
    encoded = truncate(tokenizer.encode_batch(texts), longest, what="line")
    return [
        ids if isinstance(entry, str) else list(entry)
        for ids, entry in zip(encoded, entries, strict=True)
    ]
