"""`seqlstm tokenizer`: train and use SentencePiece models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqlstm.cli.console import note, write
from seqlstm.cli.inputs import lines_of
from seqlstm.cli.options import Errors, Overwrite
from seqlstm.cli.output_files import prepare_output
from seqlstm.errors import ArgumentError, DataError
from seqlstm.text.model_type import ModelType, Normalization

if TYPE_CHECKING:
    from seqlstm.text.tokenizer import Tokenizer

app = typer.Typer(
    no_args_is_help=True, help="Train SentencePiece models, and `encode` and `decode` with them."
)
Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A SentencePiece model, for example tokenizer.model of a run."
    ),
]
File = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="Lines; default: standard input.")
]


@app.command()
def train(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="A built-in source, a Hub id, a folder, or a text file."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The model file.")],
    model_type: Annotated[ModelType, typer.Option(help="The type of the pieces.")] = "unigram",
    vocab_size: Annotated[int, typer.Option(min=1, help="Number of pieces.")] = 8000,
    text: Annotated[str | None, typer.Option(help="The column with the text.")] = None,
    pair: Annotated[
        tuple[str, str] | None, typer.Option(help="Two columns, for one model of both.")
    ] = None,
    split: Annotated[str, typer.Option(help="The split of the source.")] = "train",
    normalization: Annotated[
        Normalization,
        typer.Option(help="identity keeps all characters; the others are SentencePiece's rules."),
    ] = "identity",
    character_coverage: Annotated[
        float, typer.Option(min=0, max=1, help="Share of characters that have their own piece.")
    ] = 1.0,
    split_digits: Annotated[
        bool, typer.Option("--split-digits", help="Make every digit its own piece.")
    ] = False,
    closed_vocabulary: Annotated[
        bool,
        typer.Option(
            "--closed-vocabulary",
            help="For type word: no byte pieces; an unknown word becomes `<unk>`, as in papers.",
        ),
    ] = False,
    input_sentence_size: Annotated[
        int, typer.Option(min=1, help="Maximal number of training lines.")
    ] = 1_000_000,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="SYMBOL", help="A symbol that is never split. Repeatable."),
    ] = None,
    keep_pattern: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REGEX",
            help="Matches in the text are never split: the most frequent ones, up to a quarter of "
            "the vocabulary without special ids and bytes. Repeatable.",
        ),
    ] = None,
    placeholders: Annotated[
        bool, typer.Option("--placeholders", help="Keep the symbols of `data.placeholders` too.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Train a SentencePiece model."""
    from seqlstm.data.sources.read import read
    from seqlstm.recipe.tokenizers import all_lines
    from seqlstm.text.placeholders import SYMBOLS
    from seqlstm.text.symbols import pattern_problem, symbols_to_keep
    from seqlstm.text.train_tokenizer import train_tokenizer

    prepare_output(output, overwrite=overwrite)
    for pattern in keep_pattern or ():
        if problem := pattern_problem(pattern):
            raise ArgumentError(f"--keep-pattern {pattern}: {problem}")
    corpus = read(source, split=split, text=text, pair=pair)
    for line in corpus.notes:
        note(line)
    lines = all_lines(corpus)
    symbols, matches = symbols_to_keep(
        lines,
        keep=[*(SYMBOLS if placeholders else ()), *(keep or ())],
        patterns=keep_pattern or (),
        vocab_size=vocab_size,
        normalization=normalization,
    )
    tokenizer = train_tokenizer(
        lines,
        model_type=model_type,
        vocab_size=vocab_size,
        normalization=normalization,
        character_coverage=character_coverage,
        split_digits=split_digits,
        closed_vocabulary=closed_vocabulary,
        input_sentence_size=input_sentence_size,
        keep=symbols,
    )
    tokenizer.save(output)
    if matches:
        note(matches)
    size, fingerprint = f"{tokenizer.vocab_size:,}", tokenizer.fingerprint
    note(f"{output}: {tokenizer.model_type}, {size} pieces, {fingerprint}")


@app.command()
def encode(
    model: Model,
    file: File = None,
    pieces: Annotated[bool, typer.Option("--pieces", help="Print pieces instead of ids.")] = False,
    errors: Errors = "strict",
) -> None:
    """Encode lines as ids, or as pieces, separated by spaces."""
    tokenizer = load(model)
    for line in lines_of(file, errors=errors):
        ids = tokenizer.encode(line)
        write(" ".join(tokenizer.pieces(ids) if pieces else map(str, ids)))


@app.command()
def decode(model: Model, file: File = None) -> None:
    """Decode lines of ids to text."""
    tokenizer = load(model)
    for number, line in enumerate(lines_of(file), 1):
        words = line.split()
        wrong = [word for word in words if not is_id(word, tokenizer.vocab_size)]
        if wrong:
            raise DataError(
                f'line {number}: "{wrong[0]}" is not an id of this model',
                hint=f"Ids are whole numbers from 0 to {tokenizer.vocab_size - 1}.",
            )
        write(tokenizer.decode([int(word) for word in words]))


def is_id(word: str, vocab_size: int) -> bool:
    return word.isdecimal() and int(word) < vocab_size


def load(model: Path) -> Tokenizer:
    """The tokenizer of a model file.

    Raises:
        ArgumentError: the path is a folder; the hint lists the models in it.
        TokenizerError: the file is not a SentencePiece model.
    """
    from seqlstm.text.tokenizer import Tokenizer

    if model.is_dir():
        files = " or ".join(str(file) for file in sorted(model.glob("*.model")))
        raise ArgumentError(
            f"{model} is a folder, not a model file", hint=f"Use {files}." if files else None
        )
    return Tokenizer.load(model)
