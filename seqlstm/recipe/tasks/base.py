"""Base class of tasks: everything that depends on a recipe's `task`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from seqlstm.config import Recipe
from seqlstm.config.consistency import Lookup
from seqlstm.data.batching.base import Batches
from seqlstm.data.batching.buckets import PairIds
from seqlstm.data.sources.read import Corpus
from seqlstm.errors import ArgumentError, DataError, Mistake
from seqlstm.evaluation.significance import Comparison
from seqlstm.evaluation.tokenization import Tokenization
from seqlstm.recipe.build.objective import build_objective
from seqlstm.recurrent.backends import Call
from seqlstm.recurrent.stack import LayerStack
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer_pair import TokenizerPair, VocabularySizes
from seqlstm.training.objectives.base import Objective

Validation = Callable[[], dict[str, float]]
"""Measures the model on the validation split: values by metric."""


@dataclass(frozen=True)
class RunCorpus:
    """The text of a run.

    Attributes:
        train: the training split, cleaned.
        validation: the validation split, not cleaned; None if the recipe does not validate.
        tokenizers: of source and target, or one for both.
        ids: of the training rows, if cleaning has encoded them.
        tokenize: which tokens BLEU counts; None for a task without BLEU.
        fingerprints: of the splits before cleaning.
        report: lines to print: numbers of rows, of rows that were left out, and notes of reading.
        warnings: lines to print, such as on training rows that are also in a held-out split.
    """

    train: Corpus
    validation: Corpus | None
    tokenizers: TokenizerPair
    ids: PairIds | None
    tokenize: str | None
    fingerprints: dict[str, str]
    report: list[str]
    warnings: list[str]


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a corpus.

    Attributes:
        values: scores by name, as `evaluate --json` prints them.
        translations: of a translator.
        notes: of reading the corpus.
    """

    values: dict[str, Any]
    translations: list[str] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparedRuns:
    """Runs compared on one test set, by folder.

    Attributes:
        comparison: scores and their significance.
        rows: number of lines or documents of the test set.
        signatures: of each run: how it translated, or which text was scored.
        translations: of each translator.
        notes: of reading the test set.
    """

    comparison: Comparison
    rows: int
    signatures: dict[str, str]
    translations: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Task(ABC):
    """A task: the rules of its recipes, its model, batches, validation and evaluation.

    Attributes:
        noun: a run of this task, in messages, such as "a translator".
        columns: keys of the section `data` that name the columns; all are required.
        batching: the kind of `data.batching`.
        metrics: of validation, for `training.metric`.
        scores: values of `evaluate` that a sweep can compare.
        unused_keys: dotted keys that cannot take effect.
        evaluation_options: options of `evaluate` and `compare` that can take effect.
    """

    noun: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    batching: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]
    scores: ClassVar[tuple[str, ...]]
    unused_keys: ClassVar[tuple[str, ...]] = ()
    evaluation_options: ClassVar[frozenset[str]] = frozenset()

    def check(self, lookup: Lookup) -> Iterator[Mistake]:
        """Keys that contradict each other in a recipe of this task."""
        yield from ()

    @abstractmethod
    def clean(
        self, recipe: Recipe, corpus: Corpus, tokenizers: TokenizerPair, *, written: Corpus
    ) -> tuple[Corpus, PairIds | None, str]:
        """The cleaned training split, its ids if cleaning encodes them, and a line of report.

        Args:
            recipe: the recipe.
            corpus: the training split, with placeholders if the recipe asks for them.
            tokenizers: which count its tokens.
            written: the same rows as the source has them: these are compared for duplicates, since
                numbered symbols make different pairs equal, and equal pairs different.

        Raises:
            DataError: no row is left.
        """

    @abstractmethod
    def targets(self, corpus: Corpus) -> Sequence[str]:
        """The texts that the model learns to predict."""

    def tokenization(self, recipe: Recipe, corpus: Corpus) -> Tokenization | None:
        """The tokens that BLEU counts, for a run on this text; None for a task without BLEU.

        Raises:
            ArgumentError: what the recipe's tokenization needs is missing.
        """
        return None

    @abstractmethod
    def build_model(self, recipe: Recipe, vocab_sizes: VocabularySizes) -> nn.Module:
        """The untrained model.

        Raises:
            RecipeError, ValueError: options that contradict each other.
        """

    def stacks(self, recipe: Recipe, model: nn.Module) -> dict[str, tuple[LayerStack, Call]]:
        """The recurrent layers by name, and how training calls them."""
        return {
            name: (part, Call())
            for name, part in model.named_modules()
            if isinstance(part, LayerStack)
        }

    def build_objective(self, recipe: Recipe) -> Objective:
        """The loss that training minimizes."""
        return build_objective(recipe)

    @abstractmethod
    def make_batches(self, recipe: Recipe, corpus: RunCorpus) -> Batches:
        """Training batches.

        Raises:
            DataError: too little text.
        """

    @abstractmethod
    def make_validation(
        self, recipe: Recipe, model: Any, corpus: RunCorpus, precision: Precision
    ) -> Validation:
        """The function that validates the model; `corpus.validation` is not None."""

    @abstractmethod
    def load(
        self, recipe: Recipe, model: Any, tokenizers: TokenizerPair, precision: Precision
    ) -> Any:
        """The trained model with its tokenizers, for inference."""

    def check_evaluation(  # noqa: B027 (a task may have no such rule)
        self, recipe: Recipe, options: Mapping[str, Any]
    ) -> None:
        """Check options of `evaluate`.

        Raises:
            ArgumentError: options contradict each other.
        """

    @abstractmethod
    def evaluate(
        self, recipe: Recipe, loaded: Any, corpora: Sequence[Corpus], options: Mapping[str, Any]
    ) -> list[Evaluation]:
        """Scores of the loaded model on each corpus."""

    def check_comparison(  # noqa: B027
        self, runs: Mapping[str, Recipe]
    ) -> None:
        """Check runs before they are compared.

        Raises:
            ArgumentError: runs cannot be compared.
        """

    def compare(
        self,
        runs: Mapping[str, Recipe],
        corpus: Corpus,
        *,
        load: Callable[[str], Any],
        resamples: int,
        options: Mapping[str, Any],
    ) -> ComparedRuns:
        """Compare each further run with the first.

        Args:
            runs: recipes by folder.
            corpus: the test set.
            load: loads the model of a folder.
            resamples: of the paired bootstrap.
            options: of this task.

        Raises:
            ArgumentError: the task has no test of significance.
            DataError: the test set has a single row.
        """
        raise ArgumentError(
            f"{next(iter(runs))} is {self.noun}: translations or whole texts can be compared",
            hint="`seqlstm evaluate` scores it; `seqlstm sweep` compares over seeds.",
        )


def refuse_single_row(corpus: Corpus, rows: int, unit: str) -> None:
    """Raise a DataError for a test set of fewer than two rows."""
    if rows < 2:
        raise DataError(f"{corpus.name} {corpus.split}: a single {unit} cannot be resampled")


def select_task_options(path: Path | str, task: Task, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are set, without None, False and ().

    Raises:
        ArgumentError: an option cannot take effect on a run of this task.
    """
    selected = {
        name: value
        for name, value in options.items()
        if value is not None and value is not False and value != ()  # 0 is a value
    }
    if unused := [name for name in selected if name not in task.evaluation_options]:
        names = ", ".join(unused).replace("_", " ")
        raise ArgumentError(f"{names}: cannot take effect, since {path} is {task.noun}")
    return selected
