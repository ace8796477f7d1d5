"""The tokenizers of a recipe: read from files, or trained on its text."""

from __future__ import annotations

from collections.abc import Sequence

from seqlstm.config import Recipe
from seqlstm.config.tokenizer import TokenizerFileConfig, TrainedTokenizerConfig
from seqlstm.data.sources.read import Corpus
from seqlstm.errors import TokenizerError
from seqlstm.recipe.shipped import find_tokenizer
from seqlstm.text.model_type import SUBWORD_TYPES
from seqlstm.text.placeholders import SYMBOLS
from seqlstm.text.symbols import symbols_to_keep
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from seqlstm.text.train_tokenizer import train_tokenizer


def make_tokenizers(recipe: Recipe, corpus: Corpus) -> tuple[TokenizerPair, list[str]]:
    """The tokenizers of the recipe's files, or new ones trained on the corpus; and notes on these.

    Raises:
        TokenizerError: a tokenizer cannot be read or trained, or does not suit the recipe.
    """
    table, notes = recipe.tokenizer, []
    if isinstance(table, TokenizerFileConfig):
        tokenizers = [
            load_tokenizer(recipe, file, table.subword_regularization) for file in table.files
        ]
    else:
        sides = {"": all_lines(corpus)} if table.joint else lines_by_side(corpus)
        symbols = SYMBOLS if recipe.data.placeholders else ()
        trained = [
            train_side(table, lines, vocab_size, side, symbols)
            for (side, lines), vocab_size in zip(sides.items(), table.vocab_sizes, strict=True)
        ]
        tokenizers = [tokenizer for tokenizer, _ in trained]
        notes = [note for _, note in trained if note]
    return TokenizerPair(tokenizers[0], tokenizers[-1]), notes


def check_placeholders(recipe: Recipe, tokenizers: TokenizerPair) -> None:
    """Make sure that the tokenizers have the symbols of placeholders, if the recipe has any.

    Raises:
        TokenizerError: they are missing in a tokenizer that the recipe has not trained itself.
    """
    for name, tokenizer in tokenizers.by_name.items() if recipe.data.placeholders else ():
        if not set(SYMBOLS) <= tokenizer.symbols.keys():
            raise TokenizerError(
                f"data.placeholders needs the symbols {SYMBOLS[0]} to {SYMBOLS[-1]}, which "
                f"{name}.model does not have",
                hint="Let the run train its tokenizer, or train one by `seqlstm tokenizer train "
                "--placeholders`.",
            )


def load_tokenizer(recipe: Recipe, file: str, subword_regularization: float) -> Tokenizer:
    """An existing tokenizer.

    Raises:
        TokenizerError: it cannot be read, or does not suit the recipe.
    """
    tokenizer = Tokenizer.load(find_tokenizer(file))
    if subword_regularization and tokenizer.model_type not in SUBWORD_TYPES:
        raise TokenizerError(f"{file} is of type {tokenizer.model_type}, which cannot be sampled")
    if recipe.data.unit == "line" and tokenizer.newline is None:
        raise TokenizerError(
            f'{file} has no piece for a newline, which unit = "line" needs',
            hint="`seqlstm tokenizer train` makes one that has.",
        )
    return tokenizer


def train_side(
    table: TrainedTokenizerConfig,
    lines: Sequence[str],
    vocab_size: int,
    side: str,
    symbols: Sequence[str] = (),
) -> tuple[Tokenizer, str]:
    """A new tokenizer, trained on lines, and a note on the matches of its patterns.

    Args:
        table: its options.
        lines: the text.
        vocab_size: number of ids.
        side: named in errors; "" for a joint tokenizer.
        symbols: those of placeholders; they are never split, as those of `keep`.

    Raises:
        TokenizerError: there is no text, its vocabulary cannot have this size, or a text cannot be
            a symbol.
    """
    options = table.model_dump(
        exclude={"subword_regularization", "joint", "vocab_size", "keep", "keep_patterns"}
    )
    keep, note = symbols_to_keep(
        lines,
        keep=[*symbols, *table.keep],
        patterns=table.keep_patterns,
        vocab_size=vocab_size,
        normalization=table.normalization,
    )
    try:
        tokenizer = train_tokenizer(lines, vocab_size=vocab_size, keep=keep, **options)
        return tokenizer, f"{side}: {note}" if side and note else note
    except TokenizerError as error:
        message = f"{side}: {error.message}" if side else error.message
        raise TokenizerError(message, hint=error.hint) from error


def all_lines(corpus: Corpus) -> Sequence[str]:
    """All texts of a corpus, of pairs both sides."""
    if corpus.rows and isinstance(corpus.rows[0], tuple):
        return [side for pair in corpus.pairs for side in pair]
    return corpus.texts


def lines_by_side(corpus: Corpus) -> dict[str, Sequence[str]]:
    """The lines of source and target of a corpus of pairs."""
    return {
        "source": [source for source, _ in corpus.pairs],
        "target": [target for _, target in corpus.pairs],
    }
