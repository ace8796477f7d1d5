"""The recipe's section `tokenizer`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    Discriminator,
    PositiveInt,
    Strict,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from seqlstm.config.base import Count, OneOrTwo, Probability, Section, Share
from seqlstm.text.model_type import SUBWORD_TYPES, ModelType, Normalization
from seqlstm.text.symbols import pattern_problem, setting_problem, symbol_problem


class TrainedTokenizerConfig(Section):
    """A SentencePiece model trained on the training split when the run starts.

    `model_type`: unigram (Kudo, 2018), bpe (Sennrich, Haddow & Birch, 2016), characters, or words.
    `vocab_size`: number of ids, special ids and bytes included; an upper limit for characters and
    words. With `joint = false` of each model, or a list: source's and target's.
    `joint`: whether one model encodes both sides of a translator; if false, each side has its own.
    `subword_regularization`: while training, alpha of unigram's sampling (Kudo, 2018) or the
    probability of BPE-dropout (Provilkov, Emelianenko & Voita, 2020); 0 for none.
    `normalization`: "identity" keeps the text as it is; the others are SentencePiece's rules, which
    also remove extra white space.
    `character_coverage`: share of the text's characters that have pieces; the rest become bytes.
    `split_digits`: whether every digit is a separate piece.
    `closed_vocabulary`: whether the tokens are words separated by white space, as papers on
    language models count them: a word outside of the vocabulary is `<unk>`, without byte fallback.
    `input_sentence_size`: the largest number of lines to train on, a random sample of the text.
    `keep`: symbols that are never split, such as `["{0}", "%s", "<b>"]`; not for words.
    `keep_patterns`: regular expressions, such as `['\\{\\d+\\}', '</?\\w+>']`: their different
    matches in the training text are such symbols too, the most frequent up to a quarter of
    `vocab_size` without the 261 special ids and bytes and without `keep`.
    """

    model_type: ModelType = "unigram"
    vocab_size: OneOrTwo[Count] = 8000
    joint: bool = True
    subword_regularization: Probability = 0.0
    normalization: Normalization = "identity"
    character_coverage: Share = 1.0
    split_digits: bool = False
    closed_vocabulary: bool = False
    input_sentence_size: PositiveInt = 1_000_000
    keep: Annotated[tuple[str, ...], Strict(False)] = ()
    keep_patterns: Annotated[tuple[str, ...], Strict(False)] = ()

    @field_validator("keep", "keep_patterns")
    @classmethod
    def check_symbols(cls, texts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        find_problem = symbol_problem if info.field_name == "keep" else pattern_problem
        for text in texts:
            if problem := find_problem(text):
                raise ValueError(f"{text!r}: {problem}")
        return texts

    @model_validator(mode="after")
    def check_model_type(self) -> TrainedTokenizerConfig:
        if self.subword_regularization and self.model_type not in SUBWORD_TYPES:
            raise ValueError(f"subword_regularization needs unigram or bpe, not {self.model_type}")
        if self.closed_vocabulary and self.model_type != "word":
            raise ValueError(f"closed_vocabulary needs word, not {self.model_type}")
        if self.keep or self.keep_patterns:
            spaces = any(" " in symbol for symbol in self.keep)
            if problem := setting_problem(self.model_type, self.normalization, spaces=spaces):
                raise ValueError(f"keep: {problem}")
        return self

    @property
    def vocab_sizes(self) -> tuple[int, ...]:
        """Of each model: of the joint one, or of source's and target's."""
        if isinstance(self.vocab_size, tuple):
            return self.vocab_size
        return (self.vocab_size,) * (1 if self.joint else 2)


class TokenizerFileConfig(Section):
    """An existing SentencePiece model, or two for a translator: source's and target's.

    `file`: path of a model, or a list of two; also the name of one that came with the package, such
    as "tokenizers/python-docs-unigram-8k.model".
    `subword_regularization`: as for a trained model.
    """

    file: OneOrTwo[str]
    subword_regularization: Probability = 0.0

    @property
    def files(self) -> tuple[str, ...]:
        """The path of the joint model, or those of source's and target's."""
        return (self.file,) if isinstance(self.file, str) else self.file

    @property
    def joint(self) -> bool:
        """Whether one model encodes both sides."""
        return isinstance(self.file, str)


def existing_or_trained(value: Any) -> str:
    """The tag of a tokenizer's table, which has no `kind`."""
    has_file = isinstance(value, dict) and "file" in value
    return "existing" if has_file or isinstance(value, TokenizerFileConfig) else "trained"


TokenizerConfig = Annotated[
    Annotated[TokenizerFileConfig, Tag("existing")]
    | Annotated[TrainedTokenizerConfig, Tag("trained")],
    Discriminator(existing_or_trained),
]
