"""What a recipe may say. Each class is one of its tables; `recipe.py` builds things from them.

Every default stands here, in `model.py` or in `training.py`, and nowhere else. A table with a
`kind` is a union of classes, so that an option which could not take effect is an unknown key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal

import tomli_w
from pydantic import (
    AfterValidator,
    PositiveInt,
)

from seqlstm.config.base import Count, NotNegative, Section
from seqlstm.config.components import check_choice
from seqlstm.config.data import DataConfig, StreamBatchingConfig
from seqlstm.config.model import ModelConfig
from seqlstm.config.tokenizer import TokenizerConfig, TrainedTokenizerConfig
from seqlstm.config.training import TrainingConfig


class DecodingConfig(Section):
    """Beam search: its width, and GNMT's penalties (Wu et al., 2016), 0 for none.

    `length_penalty`: alpha, higher for longer. `coverage_penalty`: beta, on source pieces that got
    little attention. `no_repeat_ngram`: no so many pieces in a row come twice; 0 lets them.
    """

    beam_size: PositiveInt = 5
    length_penalty: NotNegative = 1.0
    coverage_penalty: NotNegative = 0.0
    no_repeat_ngram_size: Count = 0


def known_device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise ValueError(f"must be auto, cpu, cuda or cuda:N, was: {name}")
    return name


class Recipe(Section):
    """The whole of it. `threads`: 0 for all cores."""

    task: Annotated[str, AfterValidator(check_choice("task"))]
    seed: Count = 1
    device: Annotated[str, AfterValidator(known_device)] = "auto"
    threads: Count = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    data: DataConfig
    tokenizer: TokenizerConfig = TrainedTokenizerConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig
    decoding: DecodingConfig = DecodingConfig()

    @property
    def resets(self) -> bool:
        """Whether the state starts afresh where a document begins."""
        batching = self.data.batching
        return isinstance(batching, StreamBatchingConfig) and batching.reset_at_document

    def text(self, *, unused_keys: Iterable[str] = ()) -> str:
        """The recipe resolved, defaults included, as TOML: what a run folder keeps.

        Args:
            unused_keys: dotted keys, of a section each, that are left out.
        """
        table = self.model_dump(exclude_none=True)
        for key in unused_keys:
            section, _, name = key.partition(".")
            table[section].pop(name, None)
        if not table["decoding"]:
            del table["decoding"]
        return tomli_w.dumps(table)
