"""A recipe's text: read, cleaned, tokenized, and reported on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from seqlstm.config import Recipe
from seqlstm.config.data import DataConfig
from seqlstm.config.data import TokenBatchingConfig as BucketsTable
from seqlstm.data.batching.base import Batches
from seqlstm.data.batching.buckets import BucketBatches, PairIds, select_ids
from seqlstm.data.batching.prompts import PromptBatches
from seqlstm.data.batching.streams import StreamBatches
from seqlstm.data.builtin.synthetic_tasks import SYNTHETIC_TASKS
from seqlstm.data.cleaning import clean_pairs, count_overlap
from seqlstm.data.sources.read import Corpus, FilesBySplit, read
from seqlstm.errors import ArgumentError, DataError, SplitError
from seqlstm.recipe.read import read_run_recipe
from seqlstm.recipe.tokenizers import make_tokenizers
from seqlstm.run.folder import RunFolder
from seqlstm.text.tokenizer_pair import TokenizerPair


def read_split(data: DataConfig, split: str, *, source: str | FilesBySplit | None = None) -> Corpus:
    """One split of a recipe's source, or of another source with the same columns.

    Args:
        data: the recipe's table.
        split: its name, or "train", "validation", "test" for those that the recipe names; sums too.
        source: instead of the recipe's.
    """
    named = data.splits.model_dump()
    wanted = "+".join(named.get(part.strip(), part.strip()) for part in split.split("+"))
    prompts = data.prompt is not None and data.completion is not None
    pair = (data.prompt or "", data.completion or "") if prompts else data.pair
    corpus = read(
        source or cast("str | FilesBySplit", data.source),
        split=wanted,
        text=None if pair else data.text,
        pair=pair,
        name=None if source else data.name,
        revision=None if source else data.revision,
        options=None if source else data.options,
    )
    if data.unit != "line":
        return corpus
    # Some sets keep the newlines in their rows, others do not: the text is the same.
    return replace(corpus, rows=[row.removesuffix("\n") for row in corpus.texts])


@dataclass(frozen=True)
class RunCorpus:
    """What a run learns from and is validated on.

    Attributes:
        train: without what teaches nothing.
        ids: of `train`, if cleaning encoded it.
        validation: as it is; None if the recipe does not validate.
        tokenizers: of all of it.
        fingerprints: of the splits as they were read.
        report: lines for a person: what was read and dropped.
        warnings: what should not be, such as training rows that are held out too.
    """

    train: Corpus
    ids: PairIds | None
    validation: Corpus | None
    tokenizers: TokenizerPair
    fingerprints: dict[str, str]
    report: list[str]
    warnings: list[str]


def read_corpus(recipe: Recipe, tokenizers: TokenizerPair | None = None) -> RunCorpus:
    """Read and clean a recipe's text, with tokenizers that exist or those that the recipe makes.

    Raises:
        DataError: a split cannot be read, or nothing is left of it.
        TokenizerError: a tokenizer cannot be made.
    """
    train = read_split(recipe.data, "train")
    validates = recipe.training.validate_every is not None
    validation = read_split(recipe.data, "validation") if validates else None
    fingerprints = {"train": train.fingerprint}
    if validation:
        fingerprints["validation"] = validation.fingerprint
    tokenizers = tokenizers or make_tokenizers(recipe, train)
    kept, ids, line = clean(recipe, train, tokenizers)
    report = [line, *([f"{validation.split}: {len(validation):,} rows"] if validation else [])]
    return RunCorpus(
        train=kept,
        ids=ids,
        validation=validation,
        tokenizers=tokenizers,
        fingerprints=fingerprints,
        report=report,
        warnings=list(find_overlaps(recipe.data, train, validation)),
    )


def find_overlaps(data: DataConfig, train: Corpus, validation: Corpus | None) -> Iterator[str]:
    """Warnings of training rows that are held out too."""
    if data.unit == "line":  # the lines of one long text repeat by nature
        return
    if (
        isinstance(data.source, str) and data.source in SYNTHETIC_TASKS
    ):  # which say themselves what stands in two splits
        return
    try:
        test = read_split(data, "test")
    except SplitError:
        test = None
    except DataError as error:
        test = None
        yield f"training rows were not looked for in the test split: {error.message}"
    for name, corpus in (("validation", validation), ("test", test)):
        count = count_overlap(train.rows, corpus.rows) if corpus else 0
        if count:
            rows = "row also stands" if count == 1 else "rows also stand"
            yield f"{count:,} training {rows} in {name}"


def clean(
    recipe: Recipe, corpus: Corpus, tokenizers: TokenizerPair
) -> tuple[Corpus, PairIds | None, str]:
    """The training split without what teaches nothing, its ids, and a line of what was dropped.

    Raises:
        DataError: nothing is left.
    """
    answers = recipe.data.completion is not None
    if recipe.task == "language-model" and not answers:
        return corpus, None, f"{corpus.name} {corpus.split}: {len(corpus):,} {recipe.data.unit}s"
    sources = tokenizers.source.encode_batch([source for source, _ in corpus.pairs])
    targets = tokenizers.target.encode_batch([target for _, target in corpus.pairs])
    lengths = [(len(s), len(t)) for s, t in zip(sources, targets, strict=True)]
    if answers:  # the two are one row, and a text that says it all may have an empty answer
        lengths = [(text + answer, 0) for text, answer in lengths]
    kept, report = clean_pairs(
        corpus.pairs,
        lengths=lengths,
        max_length=recipe.data.max_length,
        max_length_ratio=recipe.data.max_length_ratio,
        drop_duplicates=recipe.data.drop_duplicates,
        allow_empty_side=answers,
    )
    line = f"{corpus.name} {corpus.split}: {report.line()}"
    if not kept:
        raise DataError(
            line, hint="data.max_length or data.max_length_ratio is too strict for this text."
        )
    ids = select_ids(sources, targets, kept)
    return replace(corpus, rows=[corpus.pairs[row] for row in kept]), ids, line


def make_batches(recipe: Recipe, corpora: RunCorpus) -> Batches:
    """Training batches.

    Raises:
        DataError: too little text for so many rows.
    """
    layout, train = recipe.data.batching, corpora.train
    common: dict[str, Any] = {
        "subword_regularization": recipe.tokenizer.subword_regularization,
        "seed": recipe.seed,
    }
    if isinstance(layout, BucketsTable):
        batches = PromptBatches if recipe.data.completion is not None else BucketBatches
        return batches(
            train.pairs,
            ids=corpora.ids,
            tokenizers=corpora.tokenizers,
            max_tokens=layout.max_tokens,
            shuffle_window=layout.shuffle_window,
            **common,
        )
    try:
        return StreamBatches(
            train.texts,
            tokenizer=corpora.tokenizers.target,
            unit=recipe.data.unit,
            batch_size=layout.batch_size,
            bptt=layout.bptt,
            bptt_std=layout.bptt_std,
            reset_probability=layout.reset_probability,
            reset_at_document=layout.reset_at_document,
            **common,
        )
    except ValueError as error:
        raise DataError(
            f"{train.name} {train.split}: {error}", hint="Lower data.batching.batch_size."
        ) from error


def validation_rows(run: Path) -> Sequence[str]:
    """Documents or lines of the validation split of a language model's recipe.

    Raises:
        ArgumentError: its rows are questions and answers.
        DataError: it has no such split, or it is out of reach.
    """
    data = read_run_recipe(RunFolder.open(run)).data
    if data.completion is not None:
        raise ArgumentError(
            f"{run} learned from texts with answers, which are no text to look for units in",
            hint="Name one: --on FILE.",
        )
    return read_split(data, "validation").texts
