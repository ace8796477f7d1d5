"""Translation of a document's segments, by any function that translates lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeAlias

from seqlstm.documents.document import Document, Segment
from seqlstm.documents.protected import PROTECTED, has_words, split_edges, survive

Translate: TypeAlias = Callable[[list[str]], Sequence[str]]
"""A function that translates lines."""

BEFORE, AFTER = " \t,;:.!?)]–—-", " \t,;:([–—-"  # around a piece of a sentence


@dataclass(frozen=True)
class TranslatedDocument:
    """A translated document.

    Attributes:
        data: the whole file.
        in_pieces: number of sentences that were translated in pieces, between protected parts.
        left: number of sentences that stayed as they are: the translator added protected parts.
    """

    data: bytes
    in_pieces: int
    left: int


def translate_document(document: Document, translate: Translate) -> TranslatedDocument:
    """Translate the segments of a document.

    Each line of a segment is a sentence for the translator, without the white space and the tags
    around it. If protected parts do not survive in its translation, the texts between them are
    translated instead, and these parts stay where they are.
    """
    lines = [split_lines(segment) for segment in document.segments]
    sentences = distinct(split_edges(line)[1] for parts in lines for line in parts[::2])
    translations = translated_by(translate, sentences)
    broken = [line for line in sentences if not survive(line, translations[line])]
    translations |= translate_in_pieces(broken, translate)

    def translated(line: str) -> str:
        before, sentence, after = split_edges(line)
        return before + translations.get(sentence, sentence) + after

    texts = [
        "".join(part if index % 2 else translated(part) for index, part in enumerate(parts))
        for parts in lines
    ]
    left = sum(translations[line] == line for line in broken)
    return TranslatedDocument(document.write(texts), len(broken) - left, left)


def translated_by(translate: Translate, lines: list[str]) -> dict[str, str]:
    return dict(zip(lines, translate(lines), strict=True)) if lines else {}


def split_lines(segment: Segment) -> list[str]:
    """The lines of a segment, and between each two of them what separates them."""
    separators = "|".join(["\n", *map(re.escape, sorted(segment.breaks))])
    return re.split(f"({separators})", segment.source)


def distinct(texts: Iterable[str]) -> list[str]:
    """The different texts that have something to translate."""
    return [text for text in dict.fromkeys(texts) if has_words(text)]


def translate_in_pieces(sentences: list[str], translate: Translate) -> dict[str, str]:
    """The translation of each sentence, with its protected parts where they are.

    A sentence stays as it is if the translation of a piece has a protected part of its own.
    """
    pieces = [[*map(split_punctuation, PROTECTED.split(sentence))] for sentence in sentences]
    words = distinct(text for parts in pieces for _, text, _ in parts)
    translations = translated_by(translate, words)
    results = {}
    for sentence, parts in zip(sentences, pieces, strict=True):
        texts = [before + translations.get(text, text) + after for before, text, after in parts]
        pairs = zip_longest(texts, PROTECTED.findall(sentence), fillvalue="")
        result = "".join(text + protected for text, protected in pairs)
        results[sentence] = result if survive(sentence, result) else sentence
    return results


def split_punctuation(text: str) -> tuple[str, str, str]:
    """Punctuation before a piece of a sentence, the piece, and punctuation after it."""
    words = text.lstrip(BEFORE)
    piece = words.rstrip(AFTER)
    return text[: len(text) - len(words)], piece, words[len(piece) :]
