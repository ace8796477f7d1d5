"""Lines and pairs of lines, through translators and back, like lengths together."""

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
        score: log-probability under the penalties, by which the beam ranks; or what else it was
            chosen by.
        log_probability: in nats, the end of the sentence included.
        ids: its pieces, as they were found.
        finished: whether it came to its end before its longest.
    """

    text: str
    score: float
    log_probability: float
    ids: tuple[int, ...] = ()
    finished: bool = True


EMPTY = Translation("", 0.0, 0.0)

Find: TypeAlias = Callable[[list[int], list[Pieces]], list[list[Hypothesis]]]
"""From the places of some lines, and their pieces, to what is found for each."""

TextOrIds: TypeAlias = str | Sequence[int]
"""A text, or its pieces."""


def translate_in_batches(
    system: TranslatorEnsemble,
    lines: Sequence[str],
    find: Find,
    *,
    longest: int,
    batch: int,
    at_once: int,
) -> list[list[Translation]]:
    """What `find` finds for each line, in their order. An empty line stays empty.

    Args:
        system: whose tokenizers cut and join.
        lines: raw text.
        find: for the lines of a batch.
        longest: pieces of a line; longer ones are cut.
        batch: lines of one.
        at_once: batches that are searched at the same time.

    Raises:
        ArgumentError: nothing is found for a line.
        ValueError: `batch` is not positive.
    """
    if batch < 1:
        raise ValueError(f"batch must be positive, was: {batch}")
    ids = truncate(system.tokenizers.source.encode_batch(lines), longest, what="line")
    real = [row for row, one in enumerate(ids) if lines[row].strip()]
    cut = batches_by_length([len(ids[row]) for row in real], batch)

    def of_batch(rows: list[int]) -> list[list[Translation]]:
        each = find(rows, [ids[row] for row in rows])
        for row, hypotheses in zip(rows, each, strict=True):
            if not hypotheses:
                raise ArgumentError(
                    f"no translation of this line fulfils all that is asked: {lines[row]}"
                )
        return [[translation(one, system.tokenizers.target) for one in some] for some in each]

    found = [[EMPTY] for _ in lines]
    batches = [[real[row] for row in rows] for rows in cut]
    for rows, each in zip(batches, map_in_threads(of_batch, batches, at_once=at_once), strict=True):
        for row, translations in zip(rows, each, strict=True):
            found[row] = translations
    return found


def translation(hypothesis: Hypothesis, tokenizer: Tokenizer) -> Translation:
    return Translation(
        tokenizer.decode(hypothesis.ids).replace("\n", " "),
        hypothesis.score,
        hypothesis.log_probability,
        tuple(hypothesis.ids),
        hypothesis.finished,
    )


def minimum_bayes_risk(drawn: Sequence[Translation], utility: Utility) -> Translation:
    """The sample of the highest expected utility, which becomes its score."""
    texts = [one.text for one in drawn]
    text, value = next(iter(expected_utilities(texts, utility).items()))
    return replace(drawn[texts.index(text)], score=value)


@torch.inference_mode()
def score_pairs(
    system: TranslatorEnsemble,
    pairs: Sequence[tuple[TextOrIds, TextOrIds]],
    *,
    longest: int,
    batch: int,
) -> list[Score]:
    """How probable each target is as the translation of its source."""
    reader, writer = system.tokenizers.source, system.tokenizers.target
    sources = pieces_of([source for source, _ in pairs], reader, longest)
    targets = pieces_of([target for _, target in pairs], writer, longest)
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


def pieces_of(told: Sequence[TextOrIds], tokenizer: Tokenizer, longest: int) -> list[Pieces]:
    """Texts cut into pieces, and of these so many at most; pieces as they are."""
    texts = [one if isinstance(one, str) else "" for one in told]
    encoded = truncate(tokenizer.encode_batch(texts), longest, what="line")
    return [
        ids if isinstance(one, str) else list(one) for ids, one in zip(encoded, told, strict=True)
    ]
