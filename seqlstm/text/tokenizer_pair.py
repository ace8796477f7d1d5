"""What reads the two sides of a translator: one tokenizer, or one for each."""

from __future__ import annotations

from dataclasses import dataclass

from seqlstm.text.tokenizer import Tokenizer

VocabularySizes = tuple[int, int]
"""How many ids source and target have."""


@dataclass(frozen=True)
class TokenizerPair:
    """The tokenizers of source and target: joint if they are one and the same object.

    A language model's text has one side, and so a joint one.
    """

    source: Tokenizer
    target: Tokenizer

    @classmethod
    def joint(cls, tokenizer: Tokenizer) -> TokenizerPair:
        """One of both sides."""
        return cls(tokenizer, tokenizer)

    @property
    def is_joint(self) -> bool:
        return self.source is self.target

    @property
    def named(self) -> dict[str, Tokenizer]:
        """Each of them once, by what it is called: `tokenizer`, or `source` and `target`."""
        if self.is_joint:
            return {"tokenizer": self.source}
        return {"source": self.source, "target": self.target}

    @property
    def vocabularies(self) -> VocabularySizes:
        return self.source.vocab_size, self.target.vocab_size

    @property
    def fingerprint(self) -> str:
        """That of each, with a plus between them."""
        return "+".join(one.fingerprint for one in self.named.values())

    @property
    def signature(self) -> str:
        """Kind and fingerprint of each, to stand beside scores."""
        return "+".join(f"{one.model_type}-{one.fingerprint}" for one in self.named.values())
