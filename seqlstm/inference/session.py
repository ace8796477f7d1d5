"""A session: one text that a language model and its user continue in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from secrets import randbits
from typing import Any

from torch import Tensor

from seqlstm.decoding.logits import CategoricalSampler, Sampler, make_sampler
from seqlstm.decoding.random_streams import RandomStreams
from seqlstm.decoding.sampling import sample_tokens
from seqlstm.inference.past import Past
from seqlstm.inference.prefill import prefill
from seqlstm.models.language_model import LanguageModel
from seqlstm.recurrent.state import State
from seqlstm.runtime.device import Precision
from seqlstm.text.streaming import TextStream, decode_stream, until_stop
from seqlstm.text.tokenizer import Tokenizer


class Session:
    """One text that a language model and its user continue in turn.

    Args:
        model: the language model.
        tokenizer: its tokenizer.
        past: of the text so far.
        precision: of the products, and the device.
        forbidden_ids: ids that are never generated.

    Raises:
        ValueError: the past has several texts.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        past: Past,
        *,
        precision: Precision,
        forbidden_ids: Sequence[int] = (),
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.precision = precision
        self.forbidden_ids = forbidden_ids
        self.origin = past.origin
        self.past = past

    @property
    def past(self) -> Past:
        """The past of the text so far. It is immutable: assign an earlier past to go back to it."""
        return self._past

    @past.setter
    def past(self, past: Past) -> None:
        past.check_origin(self.origin)
        if len(past) != 1:
            raise ValueError(f"a session has one text, not {len(past)}: select one first")
        self._past = past

    def read(self, text: str) -> None:
        """Append a text to the session's."""
        self.read_ids(self.tokenizer.encode(text))

    def read_ids(self, ids: Sequence[int]) -> None:
        """Append ids to the session's text."""
        if ids:
            self.past = prefill(self.model, [ids], self.past, self.precision)

    def stream(
        self,
        *,
        max_new_tokens: int = 200,
        stop: str | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> Iterator[str]:
        """Continue the text, and yield the continuation in parts that will not change.

        Args:
            max_new_tokens: maximum number of pieces. A model of documents may end earlier.
            stop: generation ends before this text, which is not yielded.
            seed: of the random numbers; the same seed generates the same text.
            options: temperature, top_k, top_p, min_p, repetition_penalty, window, as of
                `make_logits_processor`.
        """
        text = TextStream(self.tokenizer, context=self.past.history[0].tolist())
        parts = decode_stream(
            text, self.tokens(max_new_tokens=max_new_tokens, seed=seed, **options)
        )
        return parts if stop is None else until_stop(parts, stop)

    def tokens(
        self, *, max_new_tokens: int = 200, seed: int | None = None, **options: Any
    ) -> Iterator[int]:
        """The ids of `stream`, with the end token. When an id is yielded, `past` includes it."""
        seed = randbits(62) if seed is None else seed
        random_streams = RandomStreams([seed], self.past.token.device)
        steps = sample_tokens(
            self.advance,
            token=self.past.token,
            state=self.past.state,
            sampler=self.sampler(random_streams, options),
            history=self.past.history[0].unsqueeze(0),
        )
        for token, state, history in islice(steps, max_new_tokens):
            self.past = replace(self.past, state=state, token=token, history=(history[0],))
            id = int(token)
            yield id
            if id == self.tokenizer.end:
                return

    def sampler(self, categorical: CategoricalSampler, options: dict[str, Any]) -> Sampler:
        """The sampler that the options of `stream` describe."""
        return make_sampler(categorical=categorical, forbid=self.forbidden_ids, **options)

    def advance(self, token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        """One step of the model, as `sample_tokens` takes it."""
        with self.precision.autocast():
            logits, state = self.model.advance(token, state)
        return logits.float(), state
