"""A trained language model: goes on from a text, and says how probable one is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from secrets import randbits
from typing import Any

import torch
from torch import Tensor

from seqlstm.data.batching.collate import collate_language_model
from seqlstm.inference.continuations import Continuation, generate_continuations
from seqlstm.inference.past import Origin, Past, origin_of
from seqlstm.inference.prefill import prefill
from seqlstm.inference.scoring import Score, batches_by_length, make_score, truncate
from seqlstm.inference.session import Session
from seqlstm.models.language_model import LanguageModel
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer import Tokenizer


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

    def samples(
        self,
        prompt: str = "",
        *,
        count: int,
        batch: int = 64,
        seed: int | None = None,
        past: Past | None = None,
        length: int = 200,
        **options: Any,
    ) -> Iterator[Continuation]:
        """Continuations of `prompt`, `batch` at a time side by side.

        Each is what `generate` writes by a seed of its own, up to rounding in the model's sums.

        Args:
            prompt: what comes before.
            count: how many.
            batch: how many at once.
            seed: of the first; the others have the numbers after it.
            past: before the prompt; none, if None.
            length, options: those of `Session.stream`.
        """
        session = self.session(past)
        session.read(prompt)
        first = randbits(31) if seed is None else seed
        for start in range(first, first + count, batch):
            seeds = range(start, min(start + batch, first + count))
            yield from generate_continuations(session, seeds, length=length, **options)

    def session(self, past: Past | None = None) -> Session:
        """A text that the model and its user continue in turn, from its beginning or a past."""
        past = self.past() if past is None else past
        past.refuse_unless(self.origin)
        return Session(
            self.model,
            self.tokenizer,
            past,
            precision=self.precision,
            forbidden_ids=self.forbidden_ids,
        )

    @cached_property
    def forbidden_ids(self) -> list[int]:
        """Ids that are never generated: special ones, and the end unless the unit is a document."""
        tokenizer = self.tokenizer
        ids = {tokenizer.pad, tokenizer.unknown, tokenizer.begin}
        return sorted(ids | ({tokenizer.end} if self.unit == "line" else set()))

    @cached_property
    def origin(self) -> Origin:
        """By what the model's pasts are known from those of others."""
        return origin_of(self.model, self.tokenizer)

    def past(self) -> Past:
        """That of a text of which nothing was read."""
        device = self.precision.device
        return Past(
            state=self.model.initial_state(1),
            token=torch.tensor([self.end], device=device),
            history=(torch.empty(0, dtype=torch.long, device=device),),
            origin=self.origin,
        )

    def restore(self, file: str | Path) -> Past:
        """The past that `Past.save` wrote.

        Raises:
            RunError: the file is missing or damaged, or it is the past of another run.
        """
        return Past.load(file, like=self.past())

    def read(self, texts: Sequence[str], *, past: Past | None = None) -> Past:
        """The past once a text has come in every row.

        Args:
            texts: one for each row; of one row, it is branched.
            past: before them; of texts that begin, if None.
        """
        past = self.fan_out(past, len(texts))
        return prefill(self.model, self.tokenizer.encode_batch(texts), past, self.precision)

    def fan_out(self, past: Past | None, rows: int) -> Past:
        """The past of so many rows.

        Raises:
            ArgumentError: it is that of another run.
            ValueError: it has more rows than one, and not so many.
        """
        past = self.past() if past is None else past
        past.refuse_unless(self.origin)
        if len(past) not in (1, rows):
            raise ValueError(f"a past of {len(past)} texts does not fit {rows} rows")
        return past.branch(rows) if len(past) == 1 else past

    @torch.inference_mode()
    def score(
        self, lines: Sequence[str], *, batch: int = 64, past: Past | None = None
    ) -> list[Score]:
        """How probable each line is by itself, what ends it included.

        Args:
            lines: each is scored as if there were no others.
            batch: how many at once.
            past: of what came before each; of one row, what came before them all.
        """
        ids = truncate(self.tokenizer.encode_batch(lines), self.longest, what="line")
        past = self.fan_out(past, len(lines))
        targets = [[*row, self.end] for row in ids]
        inputs = [[first, *row] for first, row in zip(past.token.tolist(), targets, strict=True)]
        values: dict[int, Tensor] = {}
        for rows in batches_by_length([len(target) for target in targets], batch):
            padded = collate_language_model(
                [inputs[row] for row in rows], pad_id=self.tokenizer.pad
            ).to(self.precision.device)
            with self.precision.autocast():
                scores, _ = self.model.log_probabilities(padded, past.select(rows).state)
            values.update(zip(rows, scores.cpu(), strict=True))
        return [
            make_score(line, targets[row], values[row], self.tokenizer)
            for row, line in enumerate(lines)
        ]
