"""`seqlstm tokenizer`: SentencePiece over any source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqlstm.cli.console import note, write
from seqlstm.cli.inputs import lines_of
from seqlstm.errors import ArgumentError, DataError
from seqlstm.text.model_type import ModelType, Normalization

if TYPE_CHECKING:
    from seqlstm.text.tokenizer import Tokenizer

app = typer.Typer(
    no_args_is_help=True, help="Train SentencePiece models, and `encode` and `decode` with them."
)
Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A SentencePiece model; a run folder holds some.")
]
File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Lines; else standard input.")]


@app.command()
def train(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="A built-in source, a Hub id, a folder, or a file of lines."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The model.")],
    model_type: Annotated[ModelType, typer.Option(help="Of pieces.")] = "unigram",
    vocab_size: Annotated[int, typer.Option(min=1, help="How many pieces.")] = 8000,
    text: Annotated[str | None, typer.Option(help="The column of text.")] = None,
    pair: Annotated[
        tuple[str, str] | None, typer.Option(help="Two columns: one model is learned from both.")
    ] = None,
    split: Annotated[str, typer.Option(help="Of the source.")] = "train",
    normalization: Annotated[
        Normalization, typer.Option(help="identity loses nothing; the others are SentencePiece's.")
    ] = "identity",
    character_coverage: Annotated[
        float, typer.Option(min=0, max=1, help="Share of characters with pieces of their own.")
    ] = 1.0,
    split_digits: Annotated[
        bool, typer.Option("--split-digits", help="Every digit a piece of its own.")
    ] = False,
    closed_vocabulary: Annotated[
        bool,
        typer.Option(
            "--closed-vocabulary",
            help="Of type word: no bytes; a word that is missing is <unk>, as papers count.",
        ),
    ] = False,
    input_sentence_size: Annotated[
        int, typer.Option(min=1, help="Learn from so many lines at most.")
    ] = 1_000_000,
) -> None:
    """Train a SentencePiece model."""
    from seqlstm.data.sources.read import read
    from seqlstm.recipe.tokenizers import all_lines
    from seqlstm.text.train_tokenizer import train_tokenizer

    corpus = read(source, split=split, text=text, pair=pair)
    tokenizer = train_tokenizer(
        all_lines(corpus),
        model_type=model_type,
        vocab_size=vocab_size,
        normalization=normalization,
        character_coverage=character_coverage,
        split_digits=split_digits,
        closed_vocabulary=closed_vocabulary,
        input_sentence_size=input_sentence_size,
    )
    tokenizer.save(output)
    size, fingerprint = f"{tokenizer.vocab_size:,}", tokenizer.fingerprint
    note(f"{output}: {tokenizer.model_type}, {size} pieces, {fingerprint}")


@app.command()
def encode(
    model: Model,
    file: File = None,
    pieces: Annotated[
        bool, typer.Option("--pieces", help="The pieces themselves rather than their ids.")
    ] = False,
) -> None:
    """Lines to ids, or to pieces, with spaces between them."""
    tokenizer = load(model)
    for line in lines_of(file):
        ids = tokenizer.encode(line)
        write(" ".join(tokenizer.pieces(ids) if pieces else map(str, ids)))


@app.command()
def decode(model: Model, file: File = None) -> None:
    """Lines of ids back to text."""
    tokenizer = load(model)
    for number, line in enumerate(lines_of(file), 1):
        words = line.split()
        wrong = [w for w in words if not (w.isdecimal() and int(w) < tokenizer.vocab_size)]
        if wrong:
            raise DataError(
                f'line {number}: "{wrong[0]}" is no id of this model',
                hint=f"Ids are numbers from 0 to {tokenizer.vocab_size - 1}.",
            )
        write(tokenizer.decode([int(word) for word in words]))


def load(model: Path) -> Tokenizer:
    """A model's file.

    Raises:
        ArgumentError: a folder, of whose files it names those that would do.
        TokenizerError: no model.
    """
    from seqlstm.text.tokenizer import Tokenizer

    if model.is_dir():
        files = " or ".join(str(file) for file in sorted(model.glob("*.model")))
        raise ArgumentError(f"{model} is a folder", hint=f"Name {files}." if files else None)
    return Tokenizer.load(model)
