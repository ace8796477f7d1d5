"""How well a language model answers: whether the answer is its first choice, piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqlstm import __version__
from seqlstm.data.batching.collate import collate_prompts
from seqlstm.data.batching.prompts import bucket_prompts
from seqlstm.models.batch import Batch
from seqlstm.models.language_model import LanguageModel
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer import Tokenizer

TOKENS = 8192  # of a batch, padding included
ASKED = 1024  # positions whose logits exist at once


@dataclass(frozen=True)
class PromptScores:
    """The scores of rows of text with answers.

    Attributes:
        nats: the negative log-probability of all that is asked.
        right: rows whose every asked piece is the model's first choice, given the true past.
        rows: how many there are.
        tokens: asked pieces: those of the answers, and the </s> after each.
        signature: what was counted, and how.
    """

    nats: float
    right: int
    rows: int
    tokens: int
    signature: str

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.tokens

    @property
    def accuracy(self) -> float:
        """The share of the rows that are right, from 0 to 1."""
        return self.right / self.rows


def encode_prompts(pairs: Sequence[tuple[str, str]], *, tokenizer: Tokenizer) -> list[Batch]:
    """Texts with answers as batches of rows of like length, however long the longest is."""
    texts = tokenizer.encode_batch([text for text, _ in pairs])
    answers = tokenizer.encode_batch([answer for _, answer in pairs])
    return [
        collate_prompts([texts[row] for row in rows], [answers[row] for row in rows], tokenizer)
        for rows in bucket_prompts(texts, answers, TOKENS)
    ]


@torch.no_grad()
def score_prompts(
    model: LanguageModel, batches: Sequence[Batch], *, tokenizer: Tokenizer, precision: Precision
) -> PromptScores:
    """Score the answers of encoded rows.

    Args:
        model: in evaluation mode.
        batches: from `encode_prompts`.
        tokenizer: the model's.
        precision: of the products, and the device.
    """
    nats, right = 0.0, 0
    for batch in batches:
        with precision.autocast():
            surprise, chosen = asked(model, batch.to(precision.device))
        nats += float(surprise)
        rows = len(batch.inputs)
        wrong = (
            batch.target_index.to(chosen.device)[~chosen] % rows
        )  # time-major: the row is the rest
        right += rows - len(set(wrong.tolist()))
    return PromptScores(
        nats=nats,
        right=right,
        rows=sum(len(batch.inputs) for batch in batches),
        tokens=sum(batch.tokens for batch in batches),
        signature=(
            f"lm|asked:answer+</s>|tokenizer:{tokenizer.model_type}-{tokenizer.fingerprint}"
            f"|right:every piece the first choice, given the true past"
            f"|precision:{precision.name}|version:{__version__}"
        ),
    )


def asked(model: LanguageModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """The nats of all that a batch asks, and whether each of it is the first choice, (tokens,)."""
    features, _ = model.features(batch, None, last=False)
    features = features.index_select(0, batch.target_index)
    targets = batch.targets.t().flatten().index_select(0, batch.target_index)
    nats, chosen = features.new_zeros((), dtype=torch.float64), []
    parts = zip(torch.split(features, ASKED), torch.split(targets, ASKED), strict=True)
    for part, said in parts:
        logits = model.output_layer(part).float()
        nats += torch.nn.functional.cross_entropy(logits, said, reduction="sum")
        chosen.append(logits.argmax(-1) == said)
    return nats, torch.cat(chosen)
