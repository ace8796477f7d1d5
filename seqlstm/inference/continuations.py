"""Many continuations of one text, written side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from seqlstm.decoding.logits import MAX_HISTORY
from seqlstm.decoding.random_streams import RandomStreams
from seqlstm.recurrent.state import select
from seqlstm.text.streaming import TextStream

if TYPE_CHECKING:
    from seqlstm.inference.session import Session


@dataclass(frozen=True)
class Continuation:
    """A continuation.

    Attributes:
        text: what was written.
        seed: of its draws.
        finished: whether it came to its end, or to where it was to stop, before it was cut off.
    """

    text: str
    seed: int
    finished: bool


class PartialContinuation:
    """A continuation that is being written.

    Args:
        text: turns its ids into text.
        end: the id that ends it.
        stop: a text before which it ends, if any.
    """

    def __init__(self, text: TextStream, *, end: int, stop: str | None) -> None:
        self.stream, self.end, self.stop = text, end, stop
        self.text = ""
        self.finished = False

    def push(self, id: int) -> None:
        self.add(self.stream.push(id))
        if id == self.end:
            self.cut_off()
            self.finished = True

    def add(self, part: str) -> None:
        """Write on; what stands from `stop` on is left out."""
        if self.stop is None:
            self.text += part
            return
        start = max(0, len(self.text) - len(self.stop) + 1)
        self.text += part
        if (place := self.text.find(self.stop, start)) >= 0:
            self.text, self.finished = self.text[:place], True

    def cut_off(self) -> None:
        """No more ids will come."""
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
    """Continuations of a session's text, one for each seed; the session stays where it is.

    Args:
        session: whose text they continue.
        seeds: each writes what `Session.stream` writes by it, up to rounding in the model's sums.
        max_new_tokens: pieces, at most. Rows that are finished leave the batch.
        stop, options: as of `Session.stream`.
    """
    tokenizer, context = session.loaded.tokenizer, session.history[0].tolist()
    texts = [TextStream(tokenizer, context) for _ in seeds]
    rows = [PartialContinuation(text, end=tokenizer.end, stop=stop) for text in texts]
    everyone = torch.zeros(len(seeds), dtype=torch.long, device=session.token.device)
    state, token, history = select((session.state, session.token, session.history), everyone)
    draw = RandomStreams(seeds, session.token.device)
    choose = session.chooser(draw, options)
    going = rows
    for _ in range(max_new_tokens):
        logits, state = session.advance(token, state, None)
        token = choose(logits, history)
        history = torch.cat([history, token.unsqueeze(1)], dim=1)[:, -MAX_HISTORY:]
        for row, id in zip(going, token.tolist(), strict=True):
            row.push(id)
        kept = [place for place, row in enumerate(going) if not row.finished]
        if not kept:
            break
        if len(kept) < len(going):
            going = [going[place] for place in kept]
            draw.keep(kept)
            places = torch.tensor(kept, device=token.device)
            state, token, history = select((state, token, history), places)
    for row in rows:
        row.cut_off()
    return [
        Continuation(row.text, seed, row.finished) for row, seed in zip(rows, seeds, strict=True)
    ]
