"""Joey NMT (Kreutzer, Bastings & Riezler, 2019), for comparison: its training and translation.

It is not a dependency: `pip install joeynmt==2.3.0` to compare with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from seqlstm.models.batch import Batch
from seqlstm.text.tokenizer import Tokenizer

INSTALLED = find_spec("joeynmt") is not None
SIDE: dict[str, Any] = {
    "type": "recurrent",
    "rnn_type": "lstm",
    "embeddings": {"embedding_dim": 256},
    "num_layers": 2,
    "dropout": 0.3,
}
MODEL = {
    "tied_embeddings": True,
    "encoder": {**SIDE, "hidden_size": 256, "bidirectional": True},
    "decoder": {
        **SIDE,
        "hidden_size": 512,
        "hidden_dropout": 0.3,
        "attention": "luong",
        "input_feeding": True,
        "init_hidden": "bridge",
    },
}
TRAINING = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "scheduling": "exponential",  # required; it acts at an epoch's end, which is never reached
    "label_smoothing": 0.1,
    "normalization": "tokens",
    "clip_grad_norm": 1.0,
    "batch_size": 2500,
    "batch_type": "token",
}


def train(batches: Iterable[Batch], tokenizer: Tokenizer, folder: Path) -> Iterator[int]:
    """Train its recurrent model by its own TrainManager. Yields the target tokens of each step.

    Args:
        batches: ours. It is faster on them than on its own batches, which mix all lengths and are
            tokenized again in every epoch, line by line.
        tokenizer: of the batches.
        folder: for its files.
    """
    from joeynmt.config import parse_global_args
    from joeynmt.model import build_model
    from joeynmt.training import TrainManager
    from joeynmt.vocabulary import Vocabulary

    logging.disable(logging.INFO)
    tables: dict[str, Any] = {"data": {}, "model": MODEL, "training": TRAINING, "testing": {}}
    options = parse_global_args(
        {"name": "speed", "model_dir": str(folder), "use_cuda": False, **tables}, mode="train"
    )
    special = options.data["special_symbols"]
    names = [f"piece {number}" for number in range(tokenizer.vocab_size)]
    vocabulary = Vocabulary(names[: tokenizer.vocab_size - 4], special)
    model = build_model(options.model, vocabulary, vocabulary)
    model.loss_function = options.train.loss, options.train.label_smoothing
    manager = TrainManager(
        0,
        model,
        options.model_dir,
        options.device,
        autocast=options.autocast,
        train_args=options.train,
        dev_args=options.test,
    )
    for batch in batches:  # as its `train_and_validate` does
        manager._train_step(convert(batch, tokenizer, special))
        manager.clip_grad_fun(parameters=model.parameters())
        manager.optimizer.step()
        model.zero_grad()
        yield batch.tokens


def convert(batch: Batch, tokenizer: Tokenizer, special: Any) -> Any:
    """Our batch as a batch of Joey NMT, with its ids of begin, end and padding."""
    from joeynmt.batch import Batch as JoeyBatch

    assert (tokenizer.begin, tokenizer.end) == (special.bos_id, special.eos_id)
    assert batch.source is not None
    target = torch.cat([batch.inputs[:, :1], batch.targets], 1)
    source, target = (
        ids.masked_fill(ids == tokenizer.pad, special.pad_id) for ids in (batch.source, target)
    )
    return JoeyBatch(
        source,
        batch.source_lengths,
        None,
        target,
        None,
        indices=torch.arange(len(source)),
        device=source.device,
        pad_index=special.pad_id,
        eos_index=special.eos_id,
    )


def load(folder: Path) -> Callable[[Sequence[str], int, int], list[str]]:
    """A model directory as a function of lines, beam size and lines a batch."""
    from joeynmt.hub_interface import TranslatorHubInterface, _from_pretrained

    logging.disable(logging.INFO)
    hub = TranslatorHubInterface(*_from_pretrained(folder, use_cuda=False))

    def translate(lines: Sequence[str], beam_size: int, batch: int) -> list[str]:
        parts = [list(lines[start : start + batch]) for start in range(0, len(lines), batch)]
        options = {"beam_size": beam_size, "beam_alpha": 1.0}
        return [line for part in parts for line in hub.translate(part, **options)]

    return translate
