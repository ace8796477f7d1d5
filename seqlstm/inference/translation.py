"""A trained translator: lines in, lines out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqlstm import __version__
from seqlstm.data.buckets import pair_batch
from seqlstm.decoding.beam import Hypothesis, beam
from seqlstm.decoding.constraints import forbidden
from seqlstm.inference.score import Score, by_length, make_score, truncate
from seqlstm.models.translator import Translator
from seqlstm.recurrent.state import State
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.training.precision import Precision


@dataclass(frozen=True)
class Translation:
    """One translation of a line.

    Attributes:
        text: detokenised.
        score: log-probability after the length penalty; by this the beam ranks.
        log_probability: in nats, the end of the sentence included.
    """

    text: str
    score: float
    log_probability: float


class LoadedTranslator:
    """Translates and scores raw text.

    Args:
        model: the trained translator.
        tokenizer: of both languages.
        precision: of the products, and the device.
        width: of the beam, unless a call says otherwise.
        length_penalty: GNMT's alpha, unless a call says otherwise.
        longest: pieces of a source; longer ones are cut, with a warning.
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
        longest: int = 256,
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.precision = precision
        self.width = width
        self.length_penalty = length_penalty
        self.longest = longest

    def translate(
        self,
        lines: Sequence[str],
        *,
        width: int | None = None,
        length_penalty: float | None = None,
        batch: int = 64,
    ) -> list[str]:
        """The best translation of every line, in their order. An empty line stays empty.

        Args:
            lines: raw text, one sentence each.
            width: beams; 1 is greedy.
            length_penalty: GNMT's alpha (Wu et al., 2016); 0 for none.
            batch: sentences at once.
        """
        found = self.translations(
            lines, width=width, length_penalty=length_penalty, batch=batch, n_best=1
        )
        return [best[0].text for best in found]

    def translations(
        self,
        lines: Sequence[str],
        *,
        width: int | None = None,
        length_penalty: float | None = None,
        batch: int = 64,
        n_best: int = 1,
    ) -> list[list[Translation]]:
        """The best translations of every line, best first, at most `n_best`.

        Raises:
            ValueError: more translations asked for than the beam is wide.
        """
        width = self.width if width is None else width
        alpha = self.length_penalty if length_penalty is None else length_penalty
        for name, value in (("width", width), ("batch", batch)):
            if value < 1:
                raise ValueError(f"{name} must be positive, was: {value}")
        if n_best > width:
            raise ValueError(f"n_best must be at most the width {width}, was: {n_best}")
        ids = truncate(self.tokenizer.encode_batch(lines), self.longest, what="line")
        found = [[Translation("", 0.0, 0.0)] for _ in lines]
        real = [row for row, one in enumerate(ids) if lines[row].strip()]
        for rows in by_length([len(ids[row]) for row in real], batch):
            chosen = [real[row] for row in rows]
            beams = self.search([ids[row] for row in chosen], width, alpha, n_best)
            for row, hypotheses in zip(chosen, beams, strict=True):
                found[row] = [self.translation(one) for one in hypotheses]
        return found

    def signature(self, *, width: int | None, length_penalty: float | None, batch: int) -> str:
        """How translations were searched for, to stand beside their scores."""
        width = self.width if width is None else width
        alpha = self.length_penalty if length_penalty is None else length_penalty
        return (
            f"beam:{width}|length_penalty:{alpha}|batch:{batch}|precision:{self.precision.name}"
            f"|tokenizer:{self.tokenizer.kind}-{self.tokenizer.fingerprint}|version:{__version__}"
        )

    @torch.inference_mode()
    def search(
        self, ids: Sequence[Sequence[int]], width: int, alpha: float, n_best: int
    ) -> list[list[Hypothesis]]:
        source = pair_batch(ids, [[] for _ in ids], self.tokenizer).to(self.precision.device)
        assert source.source is not None
        assert source.source_lengths is not None
        with self.precision.autocast():
            return beam(
                self.advance,
                state=self.model.initial_state(len(ids)),
                memory=self.model.encode(source.source, source.source_lengths),
                begin=self.tokenizer.begin,
                end=self.tokenizer.end,
                width=width,
                maximum=2 * source.source_lengths + 10,
                length_penalty=alpha,
                n_best=n_best,
                constraints=[
                    forbidden([self.tokenizer.pad, self.tokenizer.begin, self.tokenizer.unknown])
                ],
            )

    def advance(self, token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        assert memory is not None
        return self.model.advance(token, state, memory)

    def translation(self, hypothesis: Hypothesis) -> Translation:
        text = self.tokenizer.decode(hypothesis.ids).replace("\n", " ")
        return Translation(text, hypothesis.score, hypothesis.log_probability)

    @torch.inference_mode()
    def score(self, pairs: Sequence[tuple[str, str]], *, batch: int = 64) -> list[Score]:
        """How probable each target is as the translation of its source."""
        sources = truncate(
            self.tokenizer.encode_batch([source for source, _ in pairs]), self.longest, what="line"
        )
        targets = truncate(
            self.tokenizer.encode_batch([target for _, target in pairs]), self.longest, what="line"
        )
        values: dict[int, Tensor] = {}
        for rows in by_length([len(target) for target in targets], batch):
            pairs_of = pair_batch(
                [sources[row] for row in rows], [targets[row] for row in rows], self.tokenizer
            )
            with self.precision.autocast():
                scores = self.model.log_probabilities(pairs_of.to(self.precision.device))
            values.update(zip(rows, scores.cpu(), strict=True))
        return [
            make_score(target, [*ids, self.tokenizer.end], values[row], self.tokenizer)
            for row, ((_, target), ids) in enumerate(zip(pairs, targets, strict=True))
        ]
