"""A trained translator: lines in, lines out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

from seqlstm import __version__
from seqlstm.decoding.beam import Hypothesis
from seqlstm.errors import ArgumentError
from seqlstm.inference.phrases import Phrases, Pieces
from seqlstm.inference.score import Score, by_length, make_score, truncate
from seqlstm.inference.search import Search, find_beams
from seqlstm.inference.steps import System
from seqlstm.models.translator import Translator
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.training.precision import Precision


@dataclass(frozen=True)
class Translation:
    """One translation of a line.

    Attributes:
        text: detokenised.
        score: log-probability under the penalties; by this the beam ranks.
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

Find: TypeAlias = Callable[[list[Pieces], Phrases], list[list[Hypothesis]]]
"""From the pieces of lines, and what is asked of each, to what is found for each."""


class UnsaidWarning(UserWarning):
    """A translation lacks a phrase that must appear: it had no room, or the rest forbids it."""


class LoadedTranslator:
    """Translates and scores raw text.

    Args:
        model: the trained translator.
        tokenizer: of both languages.
        precision: of the products, and the device.
        width: of the beam, unless a call says otherwise.
        length_penalty, coverage_penalty, no_repeat: as `Search` has them, unless a call says
            otherwise.
        longest: pieces of a source; longer ones are cut, with a warning.
        others: translators whose probabilities are averaged with the model's at every step.
    """

    task = "translation"

    def __init__(
        self,
        model: Translator,
        tokenizer: Tokenizer,
        *,
        precision: Precision,
        width: int = 5,
        length_penalty: float = 1.0,
        coverage_penalty: float = 0.0,
        no_repeat: int = 0,
        longest: int = 256,
        others: Sequence[Translator] = (),
    ) -> None:
        self.model = model.eval()
        models = [model, *(one.to(precision.device).eval() for one in others)]
        self.system = System(models, tokenizer, precision)
        self.tokenizer = tokenizer
        self.precision = precision
        self.options = Search(
            width=width,
            length_penalty=length_penalty,
            coverage_penalty=coverage_penalty,
            no_repeat=no_repeat,
        )
        self.longest = longest

    @property
    def width(self) -> int:
        return self.options.width

    def together(self, *others: LoadedTranslator) -> LoadedTranslator:
        """An ensemble: the average of the probabilities of all, searched as this one is.

        Raises:
            ArgumentError: one has another tokenizer.
        """
        for other in others:
            if other.tokenizer.fingerprint != self.tokenizer.fingerprint:
                raise ArgumentError(
                    "an ensemble needs one tokenizer, and these have two: "
                    f"{self.tokenizer.fingerprint} and {other.tokenizer.fingerprint}",
                    hint="Train them on one: [tokenizer] file = RUN/tokenizer.model.",
                )
        joined = LoadedTranslator(
            self.model,
            self.tokenizer,
            precision=self.precision,
            longest=min(one.longest for one in (self, *others)),
            others=[
                *self.system.models[1:],
                *(model for one in others for model in one.system.models),
            ],
        )
        joined.options = self.options
        return joined

    def translate(self, lines: Sequence[str], *, batch: int = 64, **options: Any) -> list[str]:
        """The best translation of every line, in their order. An empty line stays empty.

        Args:
            lines: raw text, one sentence each.
            batch: sentences at once.
            options: as of `translations`.
        """
        return [best[0].text for best in self.translations(lines, batch=batch, **options)]

    def translations(
        self,
        lines: Sequence[str],
        *,
        batch: int = 64,
        prefix: str | Sequence[str] = "",
        must: Sequence[str] | Sequence[Sequence[str]] = (),
        never: Sequence[str] = (),
        **options: Any,
    ) -> list[list[Translation]]:
        """The best translations of every line, best first, at most `n_best`.

        Args:
            lines: raw text, one sentence each.
            batch: sentences at once.
            prefix: how translations begin: of all lines, or one for each.
            must: phrases that appear: in all lines, or a list for each.
            never: phrases that do not appear.
            options: those of `Search`; None stands for the model's own.

        Raises:
            ArgumentError: the phrases cannot be, or no translation fulfils all that is asked.
            ValueError: an option is out of its range.
        """
        search = self.searching(**options)
        asked = Phrases.of(len(lines), self.tokenizer, prefix=prefix, must=must, never=never)
        find = partial(find_beams, self.system, search=search)
        found = self.line_by_line(lines, asked, find, batch=batch)
        unsaid = sum(
            bool(line.strip()) and not asked.fulfilled(row, list(best[0].ids))
            for row, (line, best) in enumerate(zip(lines, found, strict=True))
        )
        if unsaid:
            warnings.warn(
                f"{unsaid} of {len(lines)} translations do not hold all that must appear: "
                "too little room, or it contradicts the rest",
                UnsaidWarning,
                stacklevel=2,
            )
        return found

    def searching(self, **options: Any) -> Search:
        """The model's own options and those of a call; None stands for the model's own."""
        told = {name: value for name, value in options.items() if value is not None}
        return replace(self.options, **told)

    def signature(self, *, batch: int, **options: Any) -> str:
        """How translations were searched for, to stand beside their scores."""
        together = f"models:{len(self.system.models)}|" if len(self.system.models) > 1 else ""
        return (
            f"{self.searching(**options).signature()}|batch:{batch}|{together}"
            f"precision:{self.precision.name}"
            f"|tokenizer:{self.tokenizer.kind}-{self.tokenizer.fingerprint}|version:{__version__}"
        )

    def line_by_line(
        self, lines: Sequence[str], asked: Phrases, find: Find, *, batch: int
    ) -> list[list[Translation]]:
        """What `find(ids, asked)` finds for each line, lines of like length together."""
        if batch < 1:
            raise ValueError(f"batch must be positive, was: {batch}")
        ids = truncate(self.tokenizer.encode_batch(lines), self.longest, what="line")
        found = [[EMPTY] for _ in lines]
        real = [row for row, one in enumerate(ids) if lines[row].strip()]
        for rows in by_length([len(ids[row]) for row in real], batch):
            chosen = [real[row] for row in rows]
            each = find([ids[row] for row in chosen], asked.select(chosen))
            for row, hypotheses in zip(chosen, each, strict=True):
                if not hypotheses:
                    raise ArgumentError(
                        f"no translation of this line fulfils all that is asked: {lines[row]}"
                    )
                found[row] = [self.translation(one) for one in hypotheses]
        return found

    def translation(self, hypothesis: Hypothesis) -> Translation:
        return Translation(
            self.tokenizer.decode(hypothesis.ids).replace("\n", " "),
            hypothesis.score,
            hypothesis.log_probability,
            tuple(hypothesis.ids),
            hypothesis.finished,
        )

    @torch.inference_mode()
    def score(
        self, pairs: Sequence[tuple[str | Sequence[int], str | Sequence[int]]], *, batch: int = 64
    ) -> list[Score]:
        """How probable each target is as the translation of its source.

        Either is text, or pieces: a text may be cut into other pieces than those a beam found, and
        a beam's pieces have the beam's probability. Long texts are cut, with a warning.
        """
        sources = self.pieces_of([source for source, _ in pairs])
        targets = self.pieces_of([target for _, target in pairs])
        values: dict[int, Tensor] = {}
        for rows in by_length([len(target) for target in targets], batch):
            scores = self.system.log_probabilities(
                [sources[row] for row in rows], [targets[row] for row in rows]
            )
            values.update(zip(rows, scores.cpu(), strict=True))
        return [
            make_score(
                target if isinstance(target, str) else self.tokenizer.decode(target),
                [*ids, self.tokenizer.end],
                values[row],
                self.tokenizer,
            )
            for row, ((_, target), ids) in enumerate(zip(pairs, targets, strict=True))
        ]

    def pieces_of(self, given: Sequence[str | Sequence[int]]) -> list[Pieces]:
        """Texts cut into pieces; pieces as they are."""
        texts = [one if isinstance(one, str) else "" for one in given]
        encoded = truncate(self.tokenizer.encode_batch(texts), self.longest, what="line")
        return [
            ids if isinstance(one, str) else list(one)
            for ids, one in zip(encoded, given, strict=True)
        ]
