"""The tokenizers of source and target: a joint tokenizer, or two."""

from __future__ import annotations

from dataclasses import dataclass

from seqlstm.text.tokenizer import Tokenizer

VocabularySizes = tuple[int, int]
"""Vocabulary sizes of source and target."""


@dataclass(frozen=True)
class TokenizerPair:
    """The tokenizers of source and target; a joint tokenizer is the same object twice.

    A language model has a joint tokenizer.
    """

    source: Tokenizer
    target: Tokenizer

    @classmethod
    def joint(cls, tokenizer: Tokenizer) -> TokenizerPair:
        """One tokenizer for source and target."""
        return cls(tokenizer, tokenizer)

    @property
    def is_joint(self) -> bool:
        return self.source is self.target

    @property
    def by_name(self) -> dict[str, Tokenizer]:
        """The distinct tokenizers by file name: `tokenizer`, or `source` and `target`."""
        if self.is_joint:
            return {"tokenizer": self.source}
        return {"source": self.source, "target": self.target}

    @property
    def vocab_sizes(self) -> VocabularySizes:
        return self.source.vocab_size, self.target.vocab_size

    @property
    def fingerprint(self) -> str:
        """The fingerprints of the distinct tokenizers, joined by a plus."""
        return "+".join(tokenizer.fingerprint for tokenizer in self.by_name.values())

    @property
    def signature(self) -> str:
        """Model type and fingerprint of the distinct tokenizers, for the signatures of scores."""
        return "+".join(
            f"{tokenizer.model_type}-{tokenizer.fingerprint}" for tokenizer in self.by_name.values()
        )
