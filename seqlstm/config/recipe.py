"""The recipe: its first keys, its section `decoding`, and its other sections.

Each class of this package is a table of a recipe, and holds all defaults of its keys. A table with
several kinds is a union of classes, so that an option of another kind is an unknown key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

import tomli_w
from pydantic import AfterValidator, NonNegativeFloat, NonNegativeInt, PrivateAttr

from seqlstm.config.base import Count, Section
from seqlstm.config.components import check_choice
from seqlstm.config.data import DataConfig, StreamBatchingConfig
from seqlstm.config.evaluation import EvaluationConfig
from seqlstm.config.model import ModelConfig
from seqlstm.config.tokenizer import TokenizerConfig, TrainedTokenizerConfig
from seqlstm.config.training import TrainingConfig
from seqlstm.config.values import shown


class DecodingConfig(Section):
    """Beam search of a translator, with the penalties of Wu et al. (2016).

    `beam_size`: hypotheses that are kept at each step; 1 is greedy search.
    `length_penalty`: exponent α of the length penalty; a higher one favours longer translations, 0
    is no penalty.
    `coverage_penalty`: coefficient β of the penalty on source tokens that received little
    attention; 0 is no penalty.
    `no_repeat_ngram_size`: no n-gram of this size occurs twice in a translation (Paulus, Xiong &
    Socher, 2018); 0 is no limit.
    """

    beam_size: Count = 5
    length_penalty: NonNegativeFloat = 1.0
    coverage_penalty: NonNegativeFloat = 0.0
    no_repeat_ngram_size: NonNegativeInt = 0


def check_device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise ValueError(f"must be auto, cpu, cuda or cuda:N, was: {shown(name)}")
    return name


class Recipe(Section):
    """All keys and sections of a recipe.

    `task`: what is trained: a translator, a language model of running text, or a language model
    that completes prompts.
    `seed`: seed of the initial weights and of all random choices in training.
    `device`: "cpu", "cuda" or "cuda:1"; "auto" is a GPU if there is one.
    `threads`: CPU threads; 0 for all cores.
    `precision`: precision of matrix products in training; "auto" is bfloat16 where the machine
    computes it natively. Parameters and states stay in float32.
    `data`: text and batches.
    `tokenizer`: the tokenizer, trained or from a file.
    `model`: the model.
    `training`: the training.
    `decoding`: defaults of translation.
    `evaluation`: scores of translations.
    """

    task: Annotated[str, AfterValidator(check_choice("task"))]
    seed: NonNegativeInt = 1
    device: Annotated[str, AfterValidator(check_device)] = "auto"
    threads: NonNegativeInt = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    data: DataConfig
    tokenizer: TokenizerConfig = TrainedTokenizerConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig
    decoding: DecodingConfig = DecodingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    _notes: tuple[str, ...] = PrivateAttr(default=())

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided when the recipe was read; lines to print."""
        return self._notes

    def with_notes(self, notes: Iterable[str]) -> Self:
        """A copy with notes, which are no part of the recipe's text."""
        copy = self.model_copy()
        copy._notes = tuple(notes)
        return copy

    @property
    def resets(self) -> bool:
        """Whether the state is reset where a document begins."""
        batching = self.data.batching
        return isinstance(batching, StreamBatchingConfig) and batching.reset_at_document

    def text(self, *, unused_keys: Iterable[str] = ()) -> str:
        """The resolved recipe, defaults included, as TOML; a run folder keeps it.

        Args:
            unused_keys: keys that are left out, each as "section.key".
        """
        table = self.model_dump(exclude_none=True)
        for key in unused_keys:
            section, _, name = key.partition(".")
            table[section].pop(name, None)
        return tomli_w.dumps({key: value for key, value in table.items() if value != {}})
