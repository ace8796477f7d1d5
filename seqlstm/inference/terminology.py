"""Terminology: prefixes, forced phrases and forbidden phrases of translations, as token ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from seqlstm.decoding.constraints import (
    Constraint,
    forbid_phrases,
    force_prefixes,
    limit_tokens,
)
from seqlstm.decoding.lexical_constraints import LexicalConstraints
from seqlstm.errors import ArgumentError
from seqlstm.text.script import has_letters_without_spaces
from seqlstm.text.tokenizer import Tokenizer

TokenIds = list[int]
ANCHOR = "\ue000"  # a character for private use: no piece joins it with the letters after it


@dataclass(frozen=True)
class Terminology:
    """Prefixes and lexical constraints of lines.

    A phrase is tokenized as inside a sentence and appears where these tokens do: the same letters
    in another segmentation do not count. Inside a sentence a word follows a space, except in the
    scripts that have none between words, such as Chinese and Thai.

    Attributes:
        prefixes: the prefix of each line's translation.
        force_words: the phrases that must appear in each line's translation.
        bad_words: the phrases that must not appear in any translation.
        symbols: the numbered symbols of the model's placeholders.
        line_symbols: those of each line: they must appear, once each, and no others.
    """

    prefixes: list[TokenIds]
    force_words: list[list[TokenIds]]
    bad_words: list[TokenIds]
    symbols: TokenIds = field(default_factory=list)
    line_symbols: list[TokenIds] = field(default_factory=list)

    @classmethod
    def from_text(
        cls,
        lines: int,
        tokenizer: Tokenizer,
        *,
        prefix: str | Sequence[str] = "",
        force_words: Sequence[str] | Sequence[Sequence[str]] = (),
        bad_words: Sequence[str] = (),
    ) -> Terminology:
        """Tokenize prefixes and phrases.

        Args:
            lines: number of lines.
            tokenizer: of the translations.
            prefix: one prefix for all lines, or a prefix for each line.
            force_words: one list of phrases for all lines, or a list for each line.
            bad_words: one list of phrases for all lines.

        Raises:
            ArgumentError: a phrase is empty, has characters that the tokenizer does not know, or
                both must and must not appear.
            ValueError: the number of prefixes or of lists is not that of lines.
        """
        prefixes = [prefix] * lines if isinstance(prefix, str) else list(prefix)
        forced = phrases_by_line(force_words, lines)
        for name, values in (("prefixes", prefixes), ("lists of phrases", forced)):
            if len(values) != lines:
                raise ValueError(
                    f"as many {name} as lines are needed, were: {len(values)}, {lines}"
                )
        # Also as a sentence begins: there the tokens have a space in every script.
        forbidden_ids = [*tokenizer.encode_batch([*bad_words])]
        forbidden_ids += [
            ids for ids in encode_phrases(bad_words, tokenizer) if ids not in forbidden_ids
        ]
        texts = list(dict.fromkeys(chain.from_iterable(forced)))
        phrase_ids = dict(zip(texts, encode_phrases(texts, tokenizer), strict=True))
        for text, ids in phrase_ids.items():
            if any(contains(ids, forbidden) for forbidden in forbidden_ids):
                raise ArgumentError(
                    f'"{text}" must appear, but contains a phrase that must not appear'
                )
        texts = list(dict.fromkeys(prefixes))
        prefix_ids = dict(zip(texts, tokenizer.encode_batch(texts), strict=True))
        for text, ids in prefix_ids.items():
            check_known(text, ids, tokenizer)
        return cls(
            prefixes=[prefix_ids[text] for text in prefixes],
            force_words=[[phrase_ids[text] for text in phrases] for phrases in forced],
            bad_words=forbidden_ids,
        )

    def select(self, rows: Iterable[int]) -> Terminology:
        """The terminology of these lines."""
        rows = list(rows)
        return replace(
            self,
            prefixes=[self.prefixes[row] for row in rows],
            force_words=[self.force_words[row] for row in rows],
            line_symbols=[self.line_symbols[row] for row in rows] if self.symbols else [],
        )

    def with_symbols(
        self, symbols: TokenIds, line_symbols: list[TokenIds] | None = None
    ) -> Terminology:
        """The terminology with the symbols of each line; by default, none of them may appear."""
        line_symbols = line_symbols or [[] for _ in self.prefixes]
        return replace(self, symbols=symbols, line_symbols=line_symbols)

    def constraints(self, others: list[Constraint]) -> list[Constraint]:
        """Constraints on the next token; `others` apply only after the prefix of a sentence."""
        if self.bad_words:
            others = [*others, forbid_phrases(self.bad_words)]
        if self.symbols:
            others = [*others, limit_tokens(self.symbols, self.line_symbols)]
        return [force_prefixes(self.prefixes, then=others)] if any(self.prefixes) else others

    def lexical_constraints(self) -> LexicalConstraints | None:
        """The forced phrases and symbols; None if no line has any."""
        phrases = self.phrases()
        return LexicalConstraints(phrases) if any(phrases) else None

    def phrases(self) -> list[list[TokenIds]]:
        """The forced phrases of each line, and its symbols."""
        if not self.symbols:
            return self.force_words
        both = zip(self.force_words, self.line_symbols, strict=True)
        return [[*words, *([id] for id in symbols)] for words, symbols in both]

    def needed_tokens(self) -> list[int]:
        """Number of tokens that are enough for the prefix and the forced phrases of each line."""
        both = zip(self.prefixes, self.phrases(), strict=True)
        return [len(prefix) + sum(map(len, words)) for prefix, words in both]

    def is_fulfilled(self, row: int, ids: TokenIds) -> bool:
        """Whether a translation contains the forced phrases of its line."""
        return all(contains(ids, phrase) for phrase in self.force_words[row])


def phrases_by_line(
    force_words: Sequence[str] | Sequence[Sequence[str]], lines: int
) -> list[list[str]]:
    """The phrases of every line, from one list for all lines or from a list for each line.

    Raises:
        ValueError: a mixture of both.
    """
    phrases = [entry for entry in force_words if isinstance(entry, str)]
    if len(phrases) == len(force_words):
        return [phrases] * lines
    if phrases:
        raise ValueError("either phrases for all lines, or a list of phrases for each line")
    return [list(entry) for entry in force_words]


def encode_phrases(phrases: Iterable[str], tokenizer: Tokenizer) -> list[TokenIds]:
    """The token ids of phrases inside a sentence.

    Raises:
        ArgumentError: a phrase is empty, or has characters that the tokenizer does not know.
    """
    texts = list(phrases)
    phrase_ids = tokenizer.encode_batch(texts)
    for text, ids in zip(texts, phrase_ids, strict=True):
        if not text.strip():
            raise ArgumentError("a phrase that must or must not appear is empty")
        check_known(text, ids, tokenizer)
    return [
        encode_inside_word(text, tokenizer) if has_letters_without_spaces(text) else ids
        for text, ids in zip(texts, phrase_ids, strict=True)
    ]


def encode_inside_word(text: str, tokenizer: Tokenizer) -> TokenIds:
    """The token ids of a phrase that follows other letters, without a space.

    With a tokenizer of words a phrase is only found as one between spaces.
    """
    before, together = tokenizer.encode_batch([ANCHOR, ANCHOR + text])
    if tokenizer.model_type == "word" or together[: len(before)] != before:
        return tokenizer.encode(text)
    return together[len(before) :]


def check_known(text: str, ids: TokenIds, tokenizer: Tokenizer) -> None:
    """Make sure that a tokenizer knows all characters of a text.

    Raises:
        ArgumentError: the ids of the text have the unknown one.
    """
    if tokenizer.unknown in ids:
        raise ArgumentError(f'"{text}" has characters that the tokenizer does not know')


def contains(ids: TokenIds, phrase: TokenIds) -> bool:
    """Whether `ids` contain a phrase."""
    starts = range(len(ids) - len(phrase) + 1)
    return any(ids[start : start + len(phrase)] == phrase for start in starts)
