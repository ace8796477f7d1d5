"""Accuracy of a language model's completions: exact match under teacher forcing."""

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
CHUNK = 1024  # positions whose logits exist at once


@dataclass(frozen=True)
class PromptScores:
    """The scores of prompts with completions.

    Attributes:
        nats: the negative log-probability of all completions.
        right: rows of which every target is the most probable token, given the true past.
        rows: number of prompts.
        tokens: targets: the pieces of the completions, and the </s> after each.
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
        """The fraction of rows that are right."""
        return self.right / self.rows


def encode_prompts(pairs: Sequence[tuple[str, str]], *, tokenizer: Tokenizer) -> list[Batch]:
    """Prompts with completions as batches of rows of similar lengths."""
    prompts = tokenizer.encode_batch([prompt for prompt, _ in pairs])
    completions = tokenizer.encode_batch([completion for _, completion in pairs])
    return [
        collate_prompts(
            [prompts[row] for row in rows], [completions[row] for row in rows], tokenizer
        )
        for rows in bucket_prompts(prompts, completions, TOKENS)
    ]


@torch.no_grad()
def score_prompts(
    model: LanguageModel, batches: Sequence[Batch], *, tokenizer: Tokenizer, precision: Precision
) -> PromptScores:
    """Score the completions of encoded rows.

    Args:
        model: in evaluation mode.
        batches: from `encode_prompts`.
        tokenizer: the model's.
        precision: of the products, and the device.
    """
    nats, right = 0.0, 0
    for batch in batches:
        with precision.autocast():
            batch_nats, correct = score_batch(model, batch.to(precision.device))
        nats += float(batch_nats)
        rows = len(batch.inputs)
        wrong = batch.target_index.to(correct.device)[~correct] % rows  # of time-major positions
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


def score_batch(model: LanguageModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """The nats of a batch's targets, and whether each is the most probable token, (tokens,)."""
    features, _ = model.features(batch, None, return_state=False)
    features = features.index_select(0, batch.target_index)
    targets = batch.targets.t().flatten().index_select(0, batch.target_index)
    nats, correct = features.new_zeros((), dtype=torch.float64), []
    chunks = zip(torch.split(features, CHUNK), torch.split(targets, CHUNK), strict=True)
    for chunk, chunk_targets in chunks:
        logits = model.output_layer(chunk).float()
        nats += torch.nn.functional.cross_entropy(logits, chunk_targets, reduction="sum")
        correct.append(logits.argmax(-1) == chunk_targets)
    return nats, torch.cat(correct)
