"""The training split of a run: cleaning of pairs with placeholders."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqlstm.config import Recipe, parse
from seqlstm.recipe.corpus import read_corpus
from seqlstm.recipe.read import CATALOGUE
from seqlstm.text.placeholders import SYMBOL
from tests.runs import write_table

PAGES = [(f"Page {number}", f"Seite {number}") for number in range(200)]
ROOMS = [("Room 5 is free.", "Raum 5 ist frei.")] * 20


def recipe_of(file: Path, rows: list[tuple[str, str]], **data: object) -> Recipe:
    write_table(file, ("en", "de"), rows)
    table = {
        "task": "translation",
        "data": {
            "source": str(file),
            "pair": ["en", "de"],
            "batching": {"kind": "tokens"},
            "drop_duplicates": True,
            **data,
        },
        "tokenizer": {"model_type": "char", "vocab_size": 400},
        "training": {"steps": 1},
    }
    return parse(table, where="recipe", catalogue=CATALOGUE)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_duplicates_are_those_of_the_pairs_as_written(tmp_path: Path, share: float) -> None:
    recipe = recipe_of(tmp_path / "a.jsonl", [*PAGES, *ROOMS], placeholders=share)
    corpora = read_corpus(recipe)
    assert corpora.report[0].endswith("kept 201 of 220 pairs (19 duplicates)")
    assert len(corpora.train) == 201
    replaced = [pair for pair in corpora.train.pairs if SYMBOL.search(pair[0])]
    # Five standard deviations of a binomial variable: 5 sqrt(201 / 4) = 36.
    assert abs(len(replaced) - share * 201) <= (36 if share == 0.5 else 0)
    assert corpora.ids is not None
    tokenizers = corpora.tokenizers
    sources = tokenizers.source.encode_batch([source for source, _ in corpora.train.pairs])
    assert [[*ids] for ids in corpora.ids[0]] == sources


def test_lengths_are_those_of_the_pairs_with_symbols(tmp_path: Path) -> None:
    """A symbol is one token, an address is as many as it has characters."""
    address = "https://example.org/a/long/path"
    rows = [(f"{address} {word}", f"{address} {word}") for word in ("one", "two", "three")]
    limits = {"max_length": len(address), "placeholders": 1.0}
    kept = read_corpus(recipe_of(tmp_path / "a.jsonl", rows, **limits)).train
    assert len(kept) == 3
    assert all(SYMBOL.search(source) for source, _ in kept.pairs)
