"""Turn-taking: a user and a language model write a text in turn, with undo and retry."""

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
    """A prompt of the user, perhaps empty, and the model's completion.

    Attributes:
        before: the past before the prompt.
        prompted: the past after the prompt.
        prompt: ids of the prompt.
        completion: ids that the model generated.
    """

    before: Past
    prompted: Past
    prompt: list[int]
    completion: list[int]


class TextPart(NamedTuple):
    """A part of the text, whether the model generated it, and its surprisal in bits, if known."""

    text: str
    generated: bool
    bits: float = 0.0


class Candidate(NamedTuple):
    """A possible next piece, with its probability in the model and after logits processing."""

    piece: str
    probability: float
    sampling_probability: float


class TurnHistory:
    """A text and its turns.

    Args:
        loaded: the language model.
    """

    def __init__(self, loaded: LoadedLanguageModel) -> None:
        self.loaded = loaded
        self.session = loaded.session()
        self.start = self.session.past  # before the first turn
        self.turns: list[Turn] = []

    @property
    def ended(self) -> bool:
        """Whether the model has generated the end of the text."""
        return bool(self.turns) and self.turns[-1].completion[-1:] == [self.loaded.tokenizer.end]

    def begin(self, past: Past) -> None:
        """Discard all turns and start from a past."""
        self.session.past = self.start = past
        self.turns = []

    def continue_text(self, text: str, **options: Any) -> Iterator[TextPart]:
        """Read a prompt and generate a completion; an exception leaves the text unchanged.

        Args:
            text: the prompt, perhaps empty.
            options: those of `Session.stream`, and `stop_request`: generation ends as soon as it is
                true.
        """
        before = self.session.past
        prompt = self.loaded.tokenizer.encode(text)
        try:
            self.session.read_ids(prompt)
            self.turns.append((yield from self.generate(before, prompt, **options)))
        except BaseException:
            self.session.past = before
            raise

    def retry(self, **options: Any) -> Iterator[TextPart]:
        """Replace the last completion by another one; options as of `continue_text`.

        Raises:
            ArgumentError: there is no turn.
        """
        past, last = self.session.past, self.last()
        try:
            self.session.past = last.prompted
            self.turns[-1] = yield from self.generate(last.before, last.prompt, **options)
        except BaseException:
            self.session.past = past
            raise

    def generate(
        self,
        before: Past,
        prompt: list[int],
        *,
        stop: str | None = None,
        stop_request: object = False,
        **options: Any,
    ) -> Generator[TextPart, None, Turn]:
        """Yield the text of the prompt and then of the completion in parts; return the turn."""
        prompted, completion = self.session.past, list[int]()
        stream = TextStream(self.loaded.tokenizer, before.history[0].tolist())
        yield TextPart("".join(map(stream.push, prompt)), generated=False)
        ids = record(self.session.tokens(**options), completion, stop_request)
        # The stream is not flushed: the next turn may complete an unfinished character.
        parts = map(stream.push, ids)
        for part in parts if stop is None else until_stop(parts, stop):
            yield TextPart(part, generated=True)
        return Turn(before, prompted, prompt, completion)

    def undo(self) -> None:
        """Remove the last turn.

        Raises:
            ArgumentError: there is no turn.
        """
        self.session.past = self.last().before
        self.turns.pop()

    def last(self) -> Turn:
        """The last turn.

        Raises:
            ArgumentError: there is no turn.
        """
        if not self.turns:
            raise ArgumentError("nothing has been written yet", hint="Write something first.")
        return self.turns[-1]

    def surprisals(self) -> Iterator[TextPart]:
        """The pieces of the text since the first turn, each with its surprisal in bits."""
        pieces = [
            (id, generated)
            for turn in self.turns
            for ids, generated in ((turn.prompt, False), (turn.completion, True))
            for id in ids
        ]
        log_probs, _ = prefill_and_score(
            self.loaded.model, [[id for id, _ in pieces]], self.start, self.loaded.precision
        )
        stream = TextStream(self.loaded.tokenizer, self.start.history[0].tolist())
        for (id, generated), log_prob in zip(pieces, log_probs[0].tolist(), strict=True):
            yield TextPart(stream.push(id), generated, -log_prob / log(2))

    @torch.no_grad()
    def candidates(self, count: int, **options: Any) -> list[Candidate]:
        """The most probable next pieces; `options` as of `make_logits_processor`."""
        session, past = self.session, self.session.past
        logits, _ = session.advance(past.token, past.state, None)
        process = make_logits_processor(forbid=session.forbidden_ids, **options)
        sampling_probs = process(logits, past.history[0].unsqueeze(0)).softmax(-1)[0]
        probs, ids = logits.softmax(-1)[0].topk(min(count, logits.shape[-1]))
        pieces = self.loaded.tokenizer.pieces(ids.tolist())
        return [*map(Candidate, pieces, probs.tolist(), sampling_probs[ids].tolist())]


def record(ids: Iterable[int], completion: list[int], stop_request: object) -> Iterator[int]:
    """Yield ids and append them to `completion`, until `stop_request` is true."""
    for id in ids:
        completion.append(id)
        yield id
        if stop_request:
            return
