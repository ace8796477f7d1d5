"""Accuracy of completions: exact match of a language model's argmax under teacher forcing."""

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

MAX_BATCH_TOKENS = 8192  # padding included
CHUNK = 1024  # positions whose logits are in memory at the same time


@dataclass(frozen=True)
class PromptScores:
    """The scores of prompts with completions.

    Attributes:
        nats: the negative log-probability of all completions.
        correct: number of rows in which every target is the most probable token.
        rows: number of prompts.
        tokens: number of targets: the pieces of the completions, and </s> after each.
        signature: what was counted, and how.
    """

    nats: float
    correct: int
    rows: int
    tokens: int
    signature: str

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.tokens

    @property
    def accuracy(self) -> float:
        """The fraction of correct rows."""
        return self.correct / self.rows


def encode_prompts(pairs: Sequence[tuple[str, str]], *, tokenizer: Tokenizer) -> list[Batch]:
    """Batches of prompts and completions of similar lengths."""
    prompts = tokenizer.encode_batch([prompt for prompt, _ in pairs])
    completions = tokenizer.encode_batch([completion for _, completion in pairs])
    return [
        collate_prompts(
            [prompts[row] for row in rows], [completions[row] for row in rows], tokenizer
        )
        for rows in bucket_prompts(prompts, completions, MAX_BATCH_TOKENS)
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
    nats, correct_rows = 0.0, 0
    for batch in batches:
        with precision.autocast():
            batch_nats, correct = score_batch(model, batch.to(precision.device))
        nats += float(batch_nats)
        rows = len(batch.inputs)
        # Targets are time-major positions, so the remainder is the row.
        wrong_rows = batch.target_index.to(correct.device)[~correct] % rows
        correct_rows += rows - len(set(wrong_rows.tolist()))
    return PromptScores(
        nats=nats,
        correct=correct_rows,
        rows=sum(len(batch.inputs) for batch in batches),
        tokens=sum(batch.tokens for batch in batches),
        signature=(
            f"lm|scored:completion+</s>|tokenizer:{tokenizer.model_type}-{tokenizer.fingerprint}"
            f"|correct:every piece the most probable, teacher forcing"
            f"|precision:{precision.name}|version:{__version__}"
        ),
    )


def score_batch(model: LanguageModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """The summed nats of the targets, and whether each target is the most probable, (tokens,)."""
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
