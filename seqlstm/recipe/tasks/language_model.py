"""Language models of running text: documents, or the lines of one long text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from seqlstm.config import Recipe
from seqlstm.config.consistency import Lookup
from seqlstm.config.data import StreamBatchingConfig
from seqlstm.config.evaluation import EvaluationConfig
from seqlstm.config.recipe import DecodingConfig
from seqlstm.data.batching.streams import StreamBatches, encode_stream
from seqlstm.data.sources.read import Corpus
from seqlstm.errors import ArgumentError, DataError, Mistake
from seqlstm.evaluation.dynamic_evaluation import (
    DynamicEvaluation,
    GradientStatistics,
    gather_statistics,
)
from seqlstm.evaluation.perplexity import score_rows, score_text
from seqlstm.evaluation.significance import compare_nats
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.models.language_model import LanguageModel
from seqlstm.recipe.build.language_model import build_language_model
from seqlstm.recipe.splits import read_split
from seqlstm.recipe.tasks.base import (
    ComparedRuns,
    Evaluation,
    RunCorpus,
    Task,
    Validation,
    refuse_single_row,
)
from seqlstm.recipe.tasks.language_model_evaluation import ContextOptions, evaluate_text
from seqlstm.recurrent.backends import Call
from seqlstm.recurrent.stack import LayerStack
from seqlstm.run.folder import RunFolder
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer_pair import TokenizerPair, VocabularySizes

TRANSLATION_KEYS = (
    "tokenizer.joint",
    *(f"model.{key}" for key in ("attention", "encoder", "decoder")),
    *(f"decoding.{key}" for key in DecodingConfig.model_fields),
    *(f"evaluation.{key}" for key in EvaluationConfig.model_fields),
)


class LanguageModelTask(Task):
    """A language model that reads its text in contiguous streams."""

    noun = "a language model"
    columns = ("text",)
    batching = "stream"
    metrics = ("loss", "bits_per_byte")
    scores = ("nats_per_token", "bits_per_byte", "perplexity_per_word")
    unused_keys = (
        *(f"data.{key}" for key in ("pair", "prompt", "completion")),
        *(
            f"data.{key}"
            for key in ("max_length", "max_length_ratio", "drop_duplicates", "placeholders")
        ),
        *TRANSLATION_KEYS,
    )
    evaluation_options = frozenset(
        {"streams", "context", "min_context", "documents", "dynamic", "cache"}
    )

    def check(self, lookup: Lookup) -> Iterator[Mistake]:
        yield from check_language_model(lookup)

    def clean(
        self, recipe: Recipe, corpus: Corpus, tokenizers: TokenizerPair, *, written: Corpus
    ) -> tuple[Corpus, None, str]:
        return corpus, None, f"{corpus.name} {corpus.split}: {len(corpus):,} {recipe.data.unit}s"

    def targets(self, corpus: Corpus) -> Sequence[str]:
        return corpus.texts

    def build_model(self, recipe: Recipe, vocab_sizes: VocabularySizes) -> LanguageModel:
        return build_language_model(recipe, vocab_sizes)

    def stacks(self, recipe: Recipe, model: nn.Module) -> dict[str, tuple[LayerStack, Call]]:
        assert isinstance(model, LanguageModel)
        return {"stack": (model.stack, Call(resets=recipe.resets, return_state=True))}

    def make_batches(self, recipe: Recipe, corpus: RunCorpus) -> StreamBatches:
        batching, train = recipe.data.batching, corpus.train
        assert isinstance(batching, StreamBatchingConfig)
        try:
            return StreamBatches(
                train.texts,
                tokenizer=corpus.tokenizers.target,
                unit=recipe.data.unit,
                batch_size=batching.batch_size,
                bptt=batching.bptt,
                bptt_std=batching.bptt_std,
                reset_probability=batching.reset_probability,
                reset_at_document=batching.reset_at_document,
                subword_regularization=recipe.tokenizer.subword_regularization,
                seed=recipe.seed,
            )
        except ValueError as error:
            hint = "Lower data.batching.batch_size."
            raise DataError(f"{train.name} {train.split}: {error}", hint=hint) from error

    def make_validation(
        self, recipe: Recipe, model: LanguageModel, corpus: RunCorpus, precision: Precision
    ) -> Validation:
        """Loss and bits per byte, with as many streams as in training."""
        assert corpus.validation is not None
        assert isinstance(recipe.data.batching, StreamBatchingConfig)
        rows, tokenizer, unit = corpus.validation.texts, corpus.tokenizers.target, recipe.data.unit
        options: dict[str, Any] = {
            "stream": encode_stream(rows, tokenizer=tokenizer, unit=unit),
            "resets": recipe.resets,
            "streams": recipe.data.batching.batch_size,
        }

        def validate() -> dict[str, float]:
            scores = score_text(
                model, rows, tokenizer=tokenizer, precision=precision, unit=unit, **options
            )
            return {"loss": scores.nats_per_token, "bits_per_byte": scores.bits_per_byte}

        return validate

    def load(
        self, recipe: Recipe, model: LanguageModel, tokenizers: TokenizerPair, precision: Precision
    ) -> LoadedLanguageModel:
        unit = recipe.data.unit
        return LoadedLanguageModel(model, tokenizers.target, precision=precision, unit=unit)

    def check_evaluation(self, recipe: Recipe, options: Mapping[str, Any]) -> None:
        ContextOptions.of(recipe, options).check(options)

    def evaluate(
        self,
        recipe: Recipe,
        loaded: LoadedLanguageModel,
        corpora: Sequence[Corpus],
        options: Mapping[str, Any],
    ) -> list[Evaluation]:
        dynamic: DynamicEvaluation | None = options.get("dynamic")
        statistics = training_statistics(loaded, recipe, dynamic) if dynamic else None
        context = ContextOptions.of(recipe, options)
        return [
            Evaluation(evaluate_text(loaded, corpus.texts, context, options, statistics))
            for corpus in corpora
        ]

    def check_comparison(self, runs: Mapping[str, Recipe]) -> None:
        (first, recipe), *others = runs.items()
        for path, other in others:
            if other.data.unit != recipe.data.unit:
                raise ArgumentError(
                    f"{first} and {path} score different text: one reads {recipe.data.unit}s,"
                    f" the other {other.data.unit}s"
                )

    def compare(
        self,
        runs: Mapping[str, Recipe],
        corpus: Corpus,
        *,
        load: Callable[[str], LoadedLanguageModel],
        resamples: int,
        options: Mapping[str, Any],
    ) -> ComparedRuns:
        """Compare bits per byte; documents or lines are resampled, by the recipes' `unit`."""
        unit = next(iter(runs.values())).data.unit
        check_same_text(runs, corpus.texts)
        nats, signatures = {}, {}
        for path, recipe in runs.items():
            loaded = load(path)
            scores = score_rows(
                loaded.model,
                corpus.texts,
                tokenizer=loaded.tokenizer,
                precision=loaded.precision,
                unit=unit,
                resets=recipe.resets,
                streams=options.get("streams", 1),
            )
            refuse_single_row(corpus, len(scores.nats), unit)
            nats[path], signatures[path] = scores.nats, scores.signature
        comparison = compare_nats(nats, scores.bytes, unit=unit, resamples=resamples)
        return ComparedRuns(comparison, len(scores.bytes), signatures)


def check_language_model(lookup: Lookup) -> Iterator[Mistake]:
    """Keys that contradict each other in the recipe of a language model."""
    layers, sizes = lookup("model", "num_layers") or 1, lookup("model", "hidden_size")
    if layers == 1 and lookup("model", "dropout", "inter_layer"):
        yield Mistake("model.dropout.inter_layer", "cannot take effect with a single layer")
    if lookup("model", "tie_embeddings") in ("two-way", "three-way"):
        problem = "must be true or false: a language model has one embedding"
        yield Mistake("model.tie_embeddings", problem)
    if isinstance(sizes, list | tuple) and len(sizes) != layers:
        problem = f"{len(sizes)} sizes for {layers} layer{'s' if layers > 1 else ''}"
        suggestion = f"num_layers = {len(sizes)}, or a size for each"
        yield Mistake("model.hidden_size", problem, suggestion)
    for key in ("file", "vocab_size"):
        if isinstance(lookup("tokenizer", key), list | tuple):
            yield Mistake(f"tokenizer.{key}", "must be one: a language model's text has one side")


def training_statistics(
    loaded: LoadedLanguageModel, recipe: Recipe, options: DynamicEvaluation
) -> GradientStatistics:
    """Statistics of the model's gradients on its training text."""
    rows = read_split(recipe.data, "train").texts
    stream = encode_stream(rows, tokenizer=loaded.tokenizer, unit=recipe.data.unit)
    return gather_statistics(loaded.model, stream, options, loaded.precision)


def check_same_text(runs: Mapping[str, Recipe], rows: Sequence[str]) -> None:
    """Make sure that the tokenizers of all runs decode the rows to the same text.

    Raises:
        ArgumentError: a tokenizer changes the text, or cannot encode it.
    """
    decoded: dict[str, list[str]] = {}
    for path in runs:
        tokenizer = RunFolder.open(Path(path)).read_tokenizers().target
        decoded[path] = tokenizer.decode_batch(tokenizer.encode_batch(rows))
        first = next(iter(decoded))
        refuse_other_text(first, decoded[first], path, decoded[path])


def refuse_other_text(first: str, ours: list[str], path: str, theirs: list[str]) -> None:
    """Raise an ArgumentError that shows where the texts of two runs differ."""
    for row, (our_text, their_text) in enumerate(zip(ours, theirs, strict=True), 1):
        if our_text != their_text:
            raise ArgumentError(
                f"{first} and {path} score different text: to their tokenizers row {row} is"
                f" {excerpt(our_text, their_text)!r} and {excerpt(their_text, our_text)!r}",
                hint="Tokenizers that change no text can be compared: normalization identity, "
                "with byte fallback.",
            )


def excerpt(text: str, other: str, size: int = 30) -> str:
    """A part of the text from the first character that differs from another text."""
    pairs = enumerate(zip(text, other, strict=False))
    shorter = min(len(text), len(other))
    start = next((index for index, (ours, theirs) in pairs if ours != theirs), shorter)
    return text[start : start + size]
