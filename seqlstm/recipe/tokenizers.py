"""The tokenizers of a recipe: those that it names, or trained on its text."""

from __future__ import annotations

from collections.abc import Sequence

from seqlstm.config import Recipe
from seqlstm.config.tokenizer import TokenizerFileConfig, TrainedTokenizerConfig
from seqlstm.data.sources.read import Corpus
from seqlstm.errors import TokenizerError
from seqlstm.recipe.shipped import find_tokenizer
from seqlstm.text.model_type import SUBWORD_TYPES
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from seqlstm.text.train_tokenizer import train_tokenizer


def make_tokenizers(recipe: Recipe, corpus: Corpus) -> TokenizerPair:
    """The tokenizers that the recipe names, or some trained on the corpus.

    Raises:
        TokenizerError: one cannot be read or trained, or cannot sample as the recipe asks.
    """
    table = recipe.tokenizer
    if isinstance(table, TokenizerFileConfig):
        made = [ready(recipe, file, table.subword_regularization) for file in table.files]
    else:
        sides = {"": lines_of(corpus)} if table.joint else sides_of(corpus)
        made = [
            trained(table, lines, vocabulary, side)
            for (side, lines), vocabulary in zip(sides.items(), table.vocab_sizes, strict=True)
        ]
    return TokenizerPair(made[0], made[-1])


def ready(recipe: Recipe, file: str, sampling: float) -> Tokenizer:
    """A tokenizer that exists, if it does what the recipe asks of it."""
    tokenizer = Tokenizer.load(find_tokenizer(file))
    if sampling and tokenizer.model_type not in SUBWORD_TYPES:
        raise TokenizerError(f"{file} is of type {tokenizer.model_type}, which cannot be sampled")
    if recipe.data.unit == "line" and tokenizer.newline is None:
        raise TokenizerError(
            f'{file} has no piece for a newline, which unit = "line" needs',
            hint="`seqlstm tokenizer train` makes one that has.",
        )
    return tokenizer


def trained(
    table: TrainedTokenizerConfig, lines: Sequence[str], vocabulary: int, side: str
) -> Tokenizer:
    """A tokenizer learned from lines; what is wrong with it is said of its side, if it has one."""
    options = table.model_dump(exclude={"subword_regularization", "joint", "vocab_size"})
    try:
        return train_tokenizer(lines, vocab_size=vocabulary, **options)
    except TokenizerError as error:
        said = f"{side}: {error.message}" if side else error.message
        raise TokenizerError(said, hint=error.hint) from error


def lines_of(corpus: Corpus) -> Sequence[str]:
    """Every line of a corpus, both sides of pairs."""
    if corpus.rows and isinstance(corpus.rows[0], tuple):
        return [side for pair in corpus.pairs for side in pair]
    return corpus.texts


def sides_of(corpus: Corpus) -> dict[str, Sequence[str]]:
    """The lines of either side of pairs."""
    return {
        "source": [source for source, _ in corpus.pairs],
        "target": [target for _, target in corpus.pairs],
    }
