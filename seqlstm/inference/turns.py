"""A text that somebody and a language model write in turn, with every step back."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from math import log
from typing import Any, NamedTuple

import torch

from seqlstm.decoding.logits import make_logits_processor
from seqlstm.errors import ArgumentError
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.past import Past
from seqlstm.inference.prefill import prefill_and_score
from seqlstm.text.streaming import TextStream, until_stop


@dataclass(frozen=True)
class Turn:
    """What somebody wrote, perhaps nothing, and what the model wrote on.

    Attributes:
        before: the past before it.
        read: the past once the model had read what somebody wrote.
        said: that, in ids.
        written: the ids of what the model wrote.
    """

    before: Past
    read: Past
    said: list[int]
    written: list[int]


class TextPart(NamedTuple):
    """A part of the text, whether the model wrote it, and its surprisal in bits where asked for."""

    text: str
    by_model: bool
    bits: float = 0.0


class Candidate(NamedTuple):
    """A piece that may come next, and how probable it is: to the model, and when one is drawn."""

    piece: str
    model: float
    drawn: float


class TurnHistory:
    """The text and its turns.

    Args:
        loaded: the language model.
    """

    def __init__(self, loaded: LoadedLanguageModel) -> None:
        self.loaded = loaded
        self.session = loaded.session()
        self.start = self.session.past  # that of the first turn
        self.turns: list[Turn] = []

    @property
    def ended(self) -> bool:
        """Whether the model has ended the text by itself."""
        return bool(self.turns) and self.turns[-1].written[-1:] == [self.loaded.tokenizer.end]

    def begin(self, past: Past) -> None:
        """Go on from a past; the turns so far are forgotten."""
        self.session.past = self.start = past
        self.turns = []

    def go_on(self, text: str, **options: Any) -> Iterator[TextPart]:
        """Read what somebody wrote, and write on. Broken off, the draft is as it was.

        Args:
            text: perhaps nothing.
            options: those of `Session.stream`, and `enough`: once it is true, no more is written.
        """
        before = self.session.past
        said = self.loaded.tokenizer.encode(text)
        try:
            self.session.read_ids(said)
            self.turns.append((yield from self.write(before, said, **options)))
        except BaseException:
            self.session.past = before
            raise

    def retry(self, **options: Any) -> Iterator[TextPart]:
        """Write on anew from where the model began the last time; see `go_on`.

        Raises:
            ArgumentError: there is no turn.
        """
        now, last = self.session.past, self.last()
        try:
            self.session.past = last.read
            self.turns[-1] = yield from self.write(last.before, last.said, **options)
        except BaseException:
            self.session.past = now
            raise

    def write(
        self,
        before: Past,
        said: list[int],
        *,
        stop: str | None = None,
        enough: object = False,
        **options: Any,
    ) -> Generator[TextPart, None, Turn]:
        """What was said, and what the model writes on; returns the turn."""
        read, written = self.session.past, list[int]()
        stream = TextStream(self.loaded.tokenizer, before.history[0].tolist())
        yield TextPart("".join(map(stream.push, said)), by_model=False)
        ids = noted(self.session.tokens(**options), written, enough)
        # What was cut inside a character waits for the rest of it: nothing is flushed.
        parts = map(stream.push, ids)
        for part in parts if stop is None else until_stop(parts, stop):
            yield TextPart(part, by_model=True)
        return Turn(before, read, said, written)

    def undo(self) -> None:
        """Go back to before the last turn.

        Raises:
            ArgumentError: there is none.
        """
        self.session.past = self.last().before
        self.turns.pop()

    def last(self) -> Turn:
        """The last turn.

        Raises:
            ArgumentError: there is none.
        """
        if not self.turns:
            raise ArgumentError("nothing has been written yet", hint="Write something first.")
        return self.turns[-1]

    def surprise(self) -> Iterator[TextPart]:
        """The text piece by piece, each with its surprisal, from the first turn on."""
        ids = [
            (id, by_model)
            for turn in self.turns
            for part, by_model in ((turn.said, False), (turn.written, True))
            for id in part
        ]
        scores, _ = prefill_and_score(
            self.loaded.model, [[id for id, _ in ids]], self.start, self.loaded.precision
        )
        stream = TextStream(self.loaded.tokenizer, self.start.history[0].tolist())
        for (id, by_model), score in zip(ids, scores[0].tolist(), strict=True):
            yield TextPart(stream.push(id), by_model, -score / log(2))

    @torch.no_grad()
    def candidates(self, count: int, **options: Any) -> list[Candidate]:
        """The likeliest next pieces; `options` as of `make_logits_processor`."""
        session = self.session
        past = session.past
        logits, _ = session.advance(past.token, past.state, None)
        process = make_logits_processor(forbid=session.forbidden_ids, **options)
        drawn = process(logits, past.history[0].unsqueeze(0)).softmax(-1)[0]
        chances, ids = logits.softmax(-1)[0].topk(min(count, logits.shape[-1]))
        pieces = self.loaded.tokenizer.pieces(ids.tolist())
        return [*map(Candidate, pieces, chances.tolist(), drawn[ids].tolist())]


def noted(ids: Iterable[int], written: list[int], enough: object) -> Iterator[int]:
    """`ids`, which are added to `written`, until it is `enough`."""
    for id in ids:
        written.append(id)
        yield id
        if enough:
            return
