"""A trained language model that generates and scores raw text."""

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
        unit: of its training text: "document", ended by </s>, or "line", ended by a newline.
        max_length: maximum pieces of a line in `score`; longer lines are truncated, with a warning.
    """

    scores_pairs = False  # `score` takes texts

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        *,
        precision: Precision,
        unit: str = "document",
        max_length: int = 4096,
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.precision = precision
        self.unit = unit
        self.max_length = max_length
        #: the id before a text, and after it
        self.end = tokenizer.end if unit == "document" else tokenizer.encode("\n")[-1]

    def generate(self, prompt: str = "", *, max_new_tokens: int = 200, **options: Any) -> str:
        """The model's continuation of `prompt`.

        Args:
            prompt: the text to continue.
            max_new_tokens: maximum number of pieces.
            options: those of `Session.stream`.
        """
        session = self.session()
        session.read(prompt)
        return "".join(session.stream(max_new_tokens=max_new_tokens, **options))

    def samples(
        self,
        prompt: str = "",
        *,
        count: int,
        batch: int = 64,
        seed: int | None = None,
        past: Past | None = None,
        max_new_tokens: int = 200,
        **options: Any,
    ) -> Iterator[Continuation]:
        """Random continuations of `prompt`, generated in batches.

        Each is the text that `generate` returns for the same seed, up to rounding in the model's
        sums.

        Args:
            prompt: the text to continue.
            count: number of continuations.
            batch: number of continuations in a batch.
            seed: of the first continuation; the next ones have seed + 1, seed + 2 and so on.
            past: before the prompt; None for no text.
            max_new_tokens, options: those of `Session.stream`.
        """
        session = self.session(past)
        session.read(prompt)
        first = randbits(31) if seed is None else seed
        for start in range(first, first + count, batch):
            seeds = range(start, min(start + batch, first + count))
            yield from generate_continuations(
                session, seeds, max_new_tokens=max_new_tokens, **options
            )

    def session(self, past: Past | None = None) -> Session:
        """A session that starts from a past; None for an empty text."""
        past = self.past() if past is None else past
        past.check_origin(self.origin)
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
        """Fingerprints that tie a past to this model and tokenizer."""
        return origin_of(self.model, self.tokenizer)

    def past(self) -> Past:
        """The past of an empty text."""
        device = self.precision.device
        return Past(
            state=self.model.initial_state(1),
            token=torch.tensor([self.end], device=device),
            history=(torch.empty(0, dtype=torch.long, device=device),),
            origin=self.origin,
        )

    def restore(self, file: str | Path) -> Past:
        """Read a past that `Past.save` wrote.

        Raises:
            RunError: the file is missing or damaged, or holds the past of another run.
        """
        return Past.load(file, like=self.past())

    def read(self, texts: Sequence[str], *, past: Past | None = None) -> Past:
        """The past after one text in every row.

        Args:
            texts: one for each row.
            past: before the texts, with as many rows or with one row for all; None for no text.
        """
        past = self.expand(past, len(texts))
        return prefill(self.model, self.tokenizer.encode_batch(texts), past, self.precision)

    def expand(self, past: Past | None, rows: int) -> Past:
        """A past with this number of rows: the same past, or copies of its only row.

        Raises:
            ArgumentError: the past is that of another run.
            ValueError: the past has neither one row nor `rows` rows.
        """
        past = self.past() if past is None else past
        past.check_origin(self.origin)
        if len(past) not in (1, rows):
            raise ValueError(f"a past of {len(past)} texts does not fit {rows} rows")
        return past.branch(rows) if len(past) == 1 else past

    @torch.inference_mode()
    def score(
        self, lines: Sequence[str], *, batch: int = 64, past: Past | None = None
    ) -> list[Score]:
        """The log-probability of each line and of its end, independently of the other lines.

        Args:
            lines: raw text.
            batch: maximum number of lines in a batch.
            past: before the lines, with as many rows or with one row for all; None for no text.
        """
        ids = truncate(self.tokenizer.encode_batch(lines), self.max_length, what="line")
        past = self.expand(past, len(lines))
        targets = [[*row, self.end] for row in ids]
        inputs = [[first, *row] for first, row in zip(past.token.tolist(), targets, strict=True)]
        log_probs: dict[int, Tensor] = {}
        for rows in batches_by_length([len(target) for target in targets], batch):
            padded = collate_language_model(
                [inputs[row] for row in rows], pad_id=self.tokenizer.pad
            ).to(self.precision.device)
            with self.precision.autocast():
                batch_log_probs, _ = self.model.log_probabilities(padded, past.select(rows).state)
            log_probs.update(zip(rows, batch_log_probs.cpu(), strict=True))
        return [
            make_score(line, targets[row], log_probs[row], self.tokenizer)
            for row, line in enumerate(lines)
        ]
