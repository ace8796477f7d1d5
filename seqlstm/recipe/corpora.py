"""A recipe's text: read, cleaned, tokenized, and reported on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from seqlstm.config import Recipe
from seqlstm.config.sections import Buckets as BucketsTable
from seqlstm.config.sections import Data, Ready
from seqlstm.config.sections import Tapes as TapesTable
from seqlstm.data import buckets, tapes
from seqlstm.data.batches import Batches
from seqlstm.data.hygiene import clean_pairs, overlap
from seqlstm.data.sources import Corpus, FilesBySplit, read
from seqlstm.errors import DataError, TokenizerError
from seqlstm.recipe.find import find_tokenizer
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.train import train_tokenizer


def read_split(data: Data, split: str, *, source: str | None = None) -> Corpus:
    """One split of a recipe's source, or of another source with the same columns.

    Args:
        data: the recipe's table.
        split: its name, or "train", "validation", "test" for those that the recipe names; sums too.
        source: instead of the recipe's.
    """
    named = data.splits.model_dump()
    wanted = "+".join(named.get(part.strip(), part.strip()) for part in split.split("+"))
    return read(
        source or cast("str | FilesBySplit", data.source),
        split=wanted,
        text=data.text,
        pair=data.pair,
        name=None if source else data.name,
        revision=None if source else data.revision,
    )


def lines_of(corpus: Corpus) -> Sequence[str]:
    """Every line of a corpus, both sides of pairs."""
    if corpus.rows and isinstance(corpus.rows[0], tuple):
        return [side for pair in corpus.pairs for side in pair]
    return corpus.texts


def make_tokenizer(recipe: Recipe, corpus: Corpus) -> Tokenizer:
    """The tokenizer that the recipe names, or one trained on the corpus.

    Raises:
        TokenizerError: it cannot be read or trained, or cannot sample as the recipe asks.
    """
    table = recipe.tokenizer
    if not isinstance(table, Ready):
        options = table.model_dump(exclude={"sampling"})
        return train_tokenizer(lines_of(corpus), **options)
    tokenizer = Tokenizer.load(find_tokenizer(table.file))
    if table.sampling and tokenizer.kind not in ("unigram", "bpe"):
        raise TokenizerError(f"{table.file} is of kind {tokenizer.kind}, which cannot be sampled")
    return tokenizer


def read_corpora(recipe: Recipe) -> tuple[Corpus, Corpus | None, list[str]]:
    """Training and validation split, and warnings of training rows that are held out too."""
    data = recipe.data
    train = read_split(data, "train")
    validation = read_split(data, "validation") if recipe.training.validate_every else None
    warnings = []
    held_out = {"validation": validation, "test": read_if_there(data, "test")}
    for name, corpus in held_out.items():
        # Lines of one long text repeat by nature: only whole documents and pairs tell.
        if corpus is None or data.unit == "line":
            continue
        if count := overlap(train.rows, corpus.rows):
            rows = "row also stands" if count == 1 else "rows also stand"
            warnings.append(f"{count:,} training {rows} in {name}")
    return train, validation, warnings


def read_if_there(data: Data, split: str) -> Corpus | None:
    try:
        return read_split(data, split)
    except DataError:
        return None


def clean(recipe: Recipe, corpus: Corpus, tokenizer: Tokenizer) -> tuple[Corpus, str]:
    """The training split without what teaches nothing, and a line that says what was dropped.

    Raises:
        DataError: nothing is left.
    """
    if recipe.task == "language-model":
        return corpus, f"{corpus.name} {corpus.split}: {len(corpus):,} {recipe.data.unit}s"
    sources = tokenizer.encode_batch([source for source, _ in corpus.pairs])
    targets = tokenizer.encode_batch([target for _, target in corpus.pairs])
    lengths = [(len(s), len(t)) for s, t in zip(sources, targets, strict=True)]
    kept, report = clean_pairs(
        corpus.pairs,
        lengths=lengths,
        longest=recipe.data.longest,
        ratio=recipe.data.ratio,
        drop_duplicates=recipe.data.drop_duplicates,
    )
    line = f"{corpus.name} {corpus.split}: {report.line()}"
    if not kept:
        raise DataError(line, hint="data.longest or data.ratio is too strict for this text.")
    return Corpus(kept, corpus.name, corpus.split), line


def make_batches(recipe: Recipe, corpus: Corpus, tokenizer: Tokenizer) -> Batches:
    """Training batches of a cleaned corpus.

    Raises:
        DataError: too little text for so many rows.
    """
    layout, sampling = recipe.data.layout, recipe.tokenizer.sampling
    if isinstance(layout, BucketsTable):
        return buckets.Buckets(
            corpus.pairs,
            tokenizer=tokenizer,
            tokens=layout.tokens,
            window=layout.window,
            sampling=sampling,
            seed=recipe.seed,
        )
    assert isinstance(layout, TapesTable)
    try:
        return tapes.Tapes(
            corpus.texts,
            tokenizer=tokenizer,
            unit=recipe.data.unit,
            rows=layout.rows,
            span=layout.span,
            resets=layout.resets,
            sampling=sampling,
            seed=recipe.seed,
        )
    except ValueError as error:
        raise DataError(f"{corpus.name} {corpus.split}: {error}") from error
