"""A trained language model: goes on from a text, and says how probable one is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from seqlstm.decoding.choose import Choose, chooser
from seqlstm.decoding.sample import sample
from seqlstm.inference.score import Score, by_length, make_score, truncate
from seqlstm.models.batch import Batch, real_positions
from seqlstm.models.language_model import LanguageModel
from seqlstm.recurrent.state import State
from seqlstm.text.stream import TextStream
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.training.precision import Precision

SPAN = 1024  # pieces of a prompt that are read at once


class LoadedLanguageModel:
    """Generates and scores raw text.

    Args:
        model: the trained language model.
        tokenizer: its tokenizer.
        precision: of the products, and the device.
        unit: whether it learned from documents, ended by </s>, or from lines, ended by newlines.
        longest: pieces of a line that is scored; longer ones are cut, with a warning.
    """

    task = "language-model"

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        *,
        precision: Precision,
        unit: str = "document",
        longest: int = 4096,
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.precision = precision
        self.unit = unit
        self.longest = longest
        #: what comes before a text, and after it
        self.end = tokenizer.end if unit == "document" else tokenizer.encode("\n")[-1]

    def generate(self, prompt: str = "", *, length: int = 200, **options: Any) -> str:
        """What the model writes after `prompt`, at most `length` pieces of it.

        Options are those of `Session.stream`.
        """
        session = self.session()
        session.read(prompt)
        return "".join(session.stream(length=length, **options))

    def session(self) -> Session:
        """A text that the model and somebody else write in turn."""
        return Session(self)

    @torch.inference_mode()
    def score(self, lines: Sequence[str], *, batch: int = 64) -> list[Score]:
        """How probable each line is by itself, what ends it included."""
        ids = truncate(self.tokenizer.encode_batch(lines), self.longest, what="line")
        targets = [[*one, self.end] for one in ids]
        values: dict[int, Tensor] = {}
        for rows in by_length([len(target) for target in targets], batch):
            chosen = self.batch([targets[row] for row in rows])
            with self.precision.autocast():
                scores, _ = self.model.log_probabilities(chosen)
            values.update(zip(rows, scores.cpu(), strict=True))
        return [
            make_score(line, targets[row], values[row], self.tokenizer)
            for row, line in enumerate(lines)
        ]

    def batch(self, targets: Sequence[Sequence[int]]) -> Batch:
        """Each row of ids to be told from what ends a text and from those before it."""
        rows = [torch.tensor([self.end, *target]) for target in targets]
        padded = pad_sequence(rows, batch_first=True, padding_value=self.tokenizer.pad)
        lengths = torch.tensor([len(target) for target in targets])
        return Batch(
            inputs=padded[:, :-1],
            targets=padded[:, 1:],
            real=real_positions(lengths, padded.shape[1] - 1),
            lengths=lengths,
        ).to(self.precision.device)


class Session:
    """A text that the model and somebody else write in turn. Its whole past is one state.

    Args:
        loaded: the language model.
    """

    def __init__(self, loaded: LoadedLanguageModel) -> None:
        self.loaded = loaded
        device = loaded.precision.device
        self.state: State = loaded.model.initial_state(1)
        self.token = torch.tensor([loaded.end], device=device)  # the last, not yet read
        self.history = torch.empty(1, 0, dtype=torch.long, device=device)

    def read(self, text: str) -> None:
        """Have the model read a text, as if it had come so far."""
        ids = self.loaded.tokenizer.encode(text)
        if ids:
            self.take(ids)

    @torch.no_grad()
    def take(self, ids: list[int]) -> None:
        said = torch.tensor([ids], device=self.token.device)
        unread = torch.cat([self.token.unsqueeze(1), said], dim=1)
        model = self.loaded.model
        # In spans, so that a book as a prompt takes no more memory than a page.
        for span in torch.split(unread[:, :-1], SPAN, dim=1):
            with self.loaded.precision.autocast():
                _, state = model.stack(model.embedding(span), self.state)
            assert state is not None
            self.state = state
        self.token = unread[:, -1]
        self.history = torch.cat([self.history, said], dim=1)[:, -1024:]

    def stream(
        self,
        *,
        length: int = 200,
        stop: str | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> Iterator[str]:
        """Go on with the text, and yield it as it comes, in parts that will not change.

        Args:
            length: pieces, at most. A model of documents may end earlier.
            stop: a text at which to stop; it is not yielded.
            seed: of the draws; the same seed writes the same text.
            options: temperature, top_k, top_p, min_p, repetition, window: see `chooser`.
        """
        parts = self.pieces(length, self.choose(seed, options))
        return parts if stop is None else until(parts, stop)

    def choose(self, seed: int | None, options: dict[str, Any]) -> Choose:
        tokenizer, unit = self.loaded.tokenizer, self.loaded.unit
        generator = torch.Generator(self.token.device)
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        never = {tokenizer.pad, tokenizer.unknown, tokenizer.begin}
        if unit == "line":
            never.add(tokenizer.end)
        return chooser(generator=generator, forbid=sorted(never), **options)

    def pieces(self, length: int, choose: Choose) -> Iterator[str]:
        loaded = self.loaded
        text = TextStream(loaded.tokenizer, context=self.history[0].tolist())
        drawn = sample(
            self.advance, token=self.token, state=self.state, choose=choose, history=self.history
        )
        for _ in range(length):
            token, state = next(drawn)
            self.token, self.state = token, state
            self.history = torch.cat([self.history, token.unsqueeze(1)], dim=1)[:, -1024:]
            if int(token) == loaded.tokenizer.end:
                break
            if part := text.push(int(token)):
                yield part
        if rest := text.flush():
            yield rest

    def advance(self, token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        with self.loaded.precision.autocast():
            logits, state = self.loaded.model.advance(token, state)
        return logits.float(), state


def until(parts: Iterator[str], stop: str) -> Iterator[str]:
    """The parts up to where `stop` begins; holds back what may be its beginning."""
    held = ""
    for part in parts:
        held += part
        if (place := held.find(stop)) >= 0:
            yield held[:place]
            return
        safe = len(held) - overlap(held, stop)
        if safe:
            yield held[:safe]
            held = held[safe:]
    if held:
        yield held


def overlap(text: str, stop: str) -> int:
    """How many of the last characters of `text` may be the first of `stop`."""
    return next(
        (
            size
            for size in range(min(len(text), len(stop) - 1), 0, -1)
            if text.endswith(stop[:size])
        ),
        0,
    )
