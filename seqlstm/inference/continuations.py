"""Many continuations of one text, generated in a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from seqlstm.decoding.random_streams import RandomStreams
from seqlstm.decoding.sampling import sample_tokens
from seqlstm.inference.session import Session
from seqlstm.text.streaming import TextStream


@dataclass(frozen=True)
class Continuation:
    """A continuation of a text.

    Attributes:
        text: the generated text.
        seed: of its random numbers.
        finished: whether it reached the end token or the stop text; else it was cut off.
    """

    text: str
    seed: int
    finished: bool


class PartialContinuation:
    """A continuation that is being generated.

    Args:
        stream: decodes its ids.
        end: the end token.
        stop: the stop text, at which the continuation ends without it; None for no stop text.
    """

    def __init__(self, stream: TextStream, *, end: int, stop: str | None) -> None:
        self.stream, self.end, self.stop = stream, end, stop
        self.text = ""
        self.finished = False

    def push(self, id: int) -> None:
        """Append an id."""
        self.add(self.stream.push(id))
        if id == self.end:
            self.cut_off()
            self.finished = True

    def add(self, part: str) -> None:
        """Append text; end before the stop text if it appears."""
        if self.stop is None:
            self.text += part
            return
        start = max(0, len(self.text) - len(self.stop) + 1)
        self.text += part
        if (index := self.text.find(self.stop, start)) >= 0:
            self.text, self.finished = self.text[:index], True

    def cut_off(self) -> None:
        """Append the text that the stream still holds back."""
        if not self.finished:
            self.add(self.stream.flush())


@torch.inference_mode()
def generate_continuations(
    session: Session,
    seeds: Sequence[int],
    *,
    max_new_tokens: int,
    stop: str | None = None,
    **options: Any,
) -> list[Continuation]:
    """Continuations of a session's text, one for each seed; the session does not change.

    Args:
        session: its text is continued.
        seeds: one for each continuation, which is the text of `Session.stream` with this seed, up
            to rounding in the model's sums.
        max_new_tokens: maximum number of pieces. Finished rows leave the batch.
        stop, options: as of `Session.stream`.
    """
    tokenizer, context = session.tokenizer, session.past.history[0].tolist()
    streams = [TextStream(tokenizer, context) for _ in seeds]
    rows = [PartialContinuation(stream, end=tokenizer.end, stop=stop) for stream in streams]
    past = session.past.branch(len(seeds))
    random_streams = RandomStreams(seeds, past.token.device)
    steps = sample_tokens(
        session.advance,
        token=past.token,
        state=past.state,
        sampler=session.sampler(random_streams, options),
        history=torch.stack(past.history),
    )
    unfinished, selected = rows, None
    for _ in range(max_new_tokens):
        token, _, _ = steps.send(selected)
        for row, id in zip(unfinished, token.tolist(), strict=True):
            row.push(id)
        indices = [index for index, row in enumerate(unfinished) if not row.finished]
        if not indices:
            break
        selected = None
        if len(indices) < len(unfinished):
            unfinished = [unfinished[index] for index in indices]
            random_streams.keep(indices)
            selected = torch.tensor(indices, device=token.device)
    for row in rows:
        row.cut_off()
    return [
        Continuation(row.text, seed, row.finished) for row, seed in zip(rows, seeds, strict=True)
    ]
