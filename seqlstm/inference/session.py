"""A session: a text that a model and its user write in turn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from secrets import randbits
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seqlstm.decoding.logits import MAX_HISTORY, Draw, Sampler, make_sampler
from seqlstm.decoding.random_streams import RandomStreams
from seqlstm.decoding.sampling import sample_tokens
from seqlstm.inference.past import Past
from seqlstm.inference.prefill import prefill
from seqlstm.recurrent.state import State
from seqlstm.text.streaming import TextStream, decode_stream, until_stop

if TYPE_CHECKING:
    from seqlstm.inference.language_model import LoadedLanguageModel


class Session:
    """A text that the model and somebody else write in turn. Its whole past is one state.

    Args:
        loaded: the language model.
        past: of the text so far; none has come, if None.
    """

    def __init__(self, loaded: LoadedLanguageModel, past: Past | None = None) -> None:
        self.loaded = loaded
        self.past = loaded.past() if past is None else past

    @property
    def past(self) -> Past:
        """All that has come so far, as a thing that stays as it is: to keep, or to come back to."""
        return Past(self.state, self.token, (self.history[0],), self.loaded.origin)

    @past.setter
    def past(self, past: Past) -> None:
        past.refuse_unless(self.loaded.origin)
        if len(past) != 1:
            raise ValueError(f"a session has one text, not {len(past)}: select one first")
        self.state: State = past.state
        self.token = past.token  # the last, not yet read
        self.history = past.history[0].unsqueeze(0)

    def read(self, text: str) -> None:
        """Have the model read a text, as if it had come so far."""
        ids = self.loaded.tokenizer.encode(text)
        if ids:
            self.take(ids)

    def take(self, ids: list[int]) -> None:
        """Have the model read ids."""
        self.past = prefill(self.loaded.model, [ids], self.past, self.loaded.precision)

    def stream(
        self,
        *,
        max_new_tokens: int = 200,
        stop: str | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> Iterator[str]:
        """Go on with the text, and yield it as it comes, in parts that will not change.

        Args:
            max_new_tokens: pieces, at most. A model of documents may end earlier.
            stop: a text at which to stop; it is not yielded.
            seed: of the draws; the same seed writes the same text.
            options: temperature, top_k, top_p, min_p, repetition_penalty, window, as of
                `make_logits_processor`.
        """
        text = TextStream(self.loaded.tokenizer, context=self.history[0].tolist())
        parts = decode_stream(
            text, self.tokens(max_new_tokens=max_new_tokens, seed=seed, **options)
        )
        return parts if stop is None else until_stop(parts, stop)

    def tokens(
        self, *, max_new_tokens: int = 200, seed: int | None = None, **options: Any
    ) -> Iterator[int]:
        """The ids of `stream`, and what ends a text. After each the session has come so far."""
        draw = RandomStreams([randbits(62) if seed is None else seed], self.token.device)
        drawn = sample_tokens(
            self.advance,
            token=self.token,
            state=self.state,
            choose=self.chooser(draw, options),
            history=self.history,
        )
        for _ in range(max_new_tokens):
            token, state = next(drawn)
            self.token, self.state = token, state
            self.history = torch.cat([self.history, token.unsqueeze(1)], dim=1)[:, -MAX_HISTORY:]
            yield int(token)
            if int(token) == self.loaded.tokenizer.end:
                return

    def chooser(self, pick: Draw, options: dict[str, Any]) -> Sampler:
        """What chooses a next id, as the options of `stream` say."""
        return make_sampler(pick=pick, forbid=self.never, **options)

    @cached_property
    def never(self) -> list[int]:
        """Ids that are never written."""
        tokenizer = self.loaded.tokenizer
        never = {tokenizer.pad, tokenizer.unknown, tokenizer.begin}
        if self.loaded.unit == "line":
            never.add(tokenizer.end)
        return sorted(never)

    def advance(self, token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        with self.loaded.precision.autocast():
            logits, state = self.loaded.model.advance(token, state)
        return logits.float(), state
