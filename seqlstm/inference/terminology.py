"""Prefixes, forced phrases and forbidden phrases of translations, as token ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from seqlstm.decoding.constraints import Constraint, forbid_phrases, force_prefixes
from seqlstm.decoding.lexical_constraints import LexicalConstraints
from seqlstm.errors import ArgumentError
from seqlstm.text.tokenizer import Tokenizer

Pieces = list[int]


@dataclass(frozen=True)
class Terminology:
    """Prefixes and lexical constraints of lines.

    A phrase is tokenized as inside a sentence and appears where these tokens do: the same letters
    in another segmentation do not count.

    Attributes:
        prefixes: how the translation begins, for each line.
        force_words: what it holds, for each line.
        bad_words: what no translation holds.
    """

    prefixes: list[Pieces]
    force_words: list[list[Pieces]]
    bad_words: list[Pieces]

    @classmethod
    def of(
        cls,
        lines: int,
        tokenizer: Tokenizer,
        *,
        prefix: str | Sequence[str] = "",
        force_words: Sequence[str] | Sequence[Sequence[str]] = (),
        bad_words: Sequence[str] = (),
    ) -> Terminology:
        """From text: `prefix` and `force_words` for all lines, or one (one list) for each.

        Raises:
            ArgumentError: a phrase is empty, cannot be spelt, or must appear and must not.
            ValueError: there are not as many as lines.
        """
        prefixes = [prefix] * lines if isinstance(prefix, str) else list(prefix)
        wanted = for_each(force_words, lines)
        for name, given in (("prefixes", prefixes), ("lists of phrases", wanted)):
            if len(given) != lines:
                raise ValueError(f"as many {name} as lines are needed, were: {len(given)}, {lines}")
        banned = spell(bad_words, tokenizer)
        texts = list(dict.fromkeys(chain.from_iterable(wanted)))
        known = dict(zip(texts, spell(texts, tokenizer), strict=True))
        for text, pieces in known.items():
            if any(holds(pieces, one) for one in banned):
                raise ArgumentError(f'"{text}" must appear, and holds what must never appear')
        texts = list(dict.fromkeys(prefixes))
        begun = dict(zip(texts, tokenizer.encode_batch(texts), strict=True))
        for text, pieces in begun.items():
            check_known(text, pieces, tokenizer)
        return cls(
            prefixes=[begun[text] for text in prefixes],
            force_words=[[known[text] for text in one] for one in wanted],
            bad_words=banned,
        )

    def select(self, rows: Iterable[int]) -> Terminology:
        """The constraints of these lines."""
        rows = list(rows)
        prefixes = [self.prefixes[row] for row in rows]
        return Terminology(prefixes, [self.force_words[row] for row in rows], self.bad_words)

    def constraints(self, others: list[Constraint]) -> list[Constraint]:
        """All constraints of a search; `others` apply after the prefix of a sentence."""
        if self.bad_words:
            others = [*others, forbid_phrases(self.bad_words)]
        return [force_prefixes(self.prefixes, then=others)] if any(self.prefixes) else others

    def required(self) -> LexicalConstraints | None:
        return LexicalConstraints(self.force_words) if any(self.force_words) else None

    def room(self) -> list[int]:
        """Tokens that each prefix and its forced phrases need, at most."""
        both = zip(self.prefixes, self.force_words, strict=True)
        return [len(prefix) + sum(map(len, words)) for prefix, words in both]

    def fulfilled(self, row: int, ids: Pieces) -> bool:
        """Whether a translation contains the forced phrases of its line."""
        return all(holds(ids, one) for one in self.force_words[row])


def for_each(force_words: Sequence[str] | Sequence[Sequence[str]], lines: int) -> list[list[str]]:
    """A list of phrases for every line, from one list for all or from a list for each."""
    alike = [one for one in force_words if isinstance(one, str)]
    if len(alike) == len(force_words):
        return [alike] * lines
    if alike:
        raise ValueError("either phrases for all lines, or a list of phrases for each line")
    return [list(one) for one in force_words]


def spell(phrases: Iterable[str], tokenizer: Tokenizer) -> list[Pieces]:
    """The token ids of phrases inside a sentence.

    Raises:
        ArgumentError: a phrase is empty, or has characters that the tokenizer does not know.
    """
    texts = list(phrases)
    phrase_ids = tokenizer.encode_batch(texts)
    for text, pieces in zip(texts, phrase_ids, strict=True):
        if not text.strip():
            raise ArgumentError("a phrase that must or must not appear is empty")
        check_known(text, pieces, tokenizer)
    return phrase_ids


def check_known(text: str, pieces: Pieces, tokenizer: Tokenizer) -> None:
    if tokenizer.unknown in pieces:
        raise ArgumentError(f'"{text}" has characters that the tokenizer does not know')


def holds(ids: Pieces, phrase: Pieces) -> bool:
    """Whether `ids` contain a phrase."""
    return any(ids[at : at + len(phrase)] == phrase for at in range(len(ids) - len(phrase) + 1))
