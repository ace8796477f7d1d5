"""Tiny translators of recipes learn to copy the source."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from seqlstm.models.batch import Batch, target_positions
from seqlstm.models.translator import Translator
from seqlstm.recipe.build.model import build_model
from seqlstm.recipe.read import read_recipe
from tests.recurrent.cases import generator
from tests.tiny import loss_of

BEGIN, END, SYMBOLS, LENGTH, ROWS = 0, 1, 6, 2, 32
SMALL = [
    "model.embedding_dim=32",
    "model.hidden_size=32",
    "model.dropout=",
    "training.label_smoothing=0",
]
# The best loss without the source: the length is known, the symbols are not.
UNREAD = LENGTH * math.log(SYMBOLS) / (LENGTH + 1)


def copying(source: Tensor) -> Batch:
    """A batch whose targets are the sources."""
    begin = torch.full((len(source), 1), BEGIN)
    end = torch.full((len(source), 1), END)
    lengths = torch.full((len(source),), LENGTH + 1)
    return Batch(
        inputs=torch.cat([begin, source], 1),
        targets=torch.cat([source, end], 1),
        target_index=target_positions(lengths, LENGTH + 1),
        lengths=lengths,
        source=torch.cat([source, end], 1),
        source_lengths=lengths,
    )


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("gnmt-en-de", []),
        ("sutskever-en-de", []),
        ("multi30k-en-de", ['model.decoder={kind="input-feeding"}']),
        ("multi30k-en-de", ['model.decoder={kind="bahdanau", bridge=true}']),
    ],
)
def test_it_learns_to_copy(name: str, overrides: list[str]) -> None:
    torch.manual_seed(0)
    model = build_model(read_recipe(name, [*SMALL, *overrides]), (SYMBOLS + 2, SYMBOLS + 2))
    assert isinstance(model, Translator)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    source, losses = generator(1), []
    for _ in range(60):
        symbols = torch.randint(2, SYMBOLS + 2, (ROWS, LENGTH), generator=source)
        loss, tokens, _ = loss_of(model, copying(symbols))
        optimizer.zero_grad()
        (loss / tokens).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()) / tokens)
    assert losses[0] > UNREAD > 2 * sum(losses[-5:]) / 5
