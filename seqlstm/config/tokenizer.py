"""The recipe's section `tokenizer`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    PositiveInt,
    Tag,
    model_validator,
)

from seqlstm.config.base import OneOrTwo, Probability, Section, Share


class TrainedTokenizerConfig(Section):
    """A SentencePiece model trained on the training split when the run starts.

    `joint`: one model of both sides of a translator; else each side has its own, and `vocab_size`
    is that of either, or source's and target's. `subword_regularization`: the alpha of unigram's
    sampling (Kudo, 2018) or the probability of BPE-dropout (Provilkov et al., 2020); 0 for none.
    `input_sentence_size`: lines to train on, at most. `split_digits`: every digit is a piece of its
    own. `closed_vocabulary`: words separated by white space, as papers on language models count
    them; a word that the vocabulary lacks is the text's own `<unk>`, without byte fallback.
    """

    model_type: Literal["unigram", "bpe", "char", "word"] = "unigram"
    vocab_size: OneOrTwo[PositiveInt] = 8000
    joint: bool = True
    subword_regularization: Probability = 0.0
    normalization: Literal["identity", "nfkc", "nfkc_cf", "nmt_nfkc", "nmt_nfkc_cf"] = "identity"
    character_coverage: Share = 1.0
    split_digits: bool = False
    closed_vocabulary: bool = False
    input_sentence_size: PositiveInt = 1_000_000

    @model_validator(mode="after")
    def fits_its_kind(self) -> TrainedTokenizerConfig:
        if self.subword_regularization and self.model_type not in ("unigram", "bpe"):
            raise ValueError(f"subword_regularization needs unigram or bpe, not {self.model_type}")
        if self.closed_vocabulary and self.model_type != "word":
            raise ValueError(f"closed_vocabulary needs word, not {self.model_type}")
        return self

    @property
    def vocab_sizes(self) -> tuple[int, ...]:
        """Of every model: one, or source's and target's."""
        if isinstance(self.vocab_size, tuple):
            return self.vocab_size
        return (self.vocab_size,) * (1 if self.joint else 2)


class TokenizerFileConfig(Section):
    """A SentencePiece model that exists, or two: of a translator's source, and of its target."""

    file: OneOrTwo[str]
    subword_regularization: Probability = 0.0

    @property
    def files(self) -> tuple[str, ...]:
        return (self.file,) if isinstance(self.file, str) else self.file

    @property
    def joint(self) -> bool:
        """Whether one model is that of both sides."""
        return isinstance(self.file, str)


def ready_or_trained(value: Any) -> str:
    named = isinstance(value, dict) and "file" in value
    return "ready" if named or isinstance(value, TokenizerFileConfig) else "trained"


TokenizerConfig = Annotated[
    Annotated[TokenizerFileConfig, Tag("ready")]
    | Annotated[TrainedTokenizerConfig, Tag("trained")],
    Discriminator(ready_or_trained),
]
