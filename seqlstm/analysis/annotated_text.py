"""A text in a model's pieces, and what holds at each of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from seqlstm.analysis.text_properties import PROPERTIES
from seqlstm.text.streaming import TextStream
from seqlstm.text.tokenizer import Tokenizer

LONGEST = 16  # characters of a piece, as a rule: what need not be read is not


@dataclass(frozen=True)
class AnnotatedText:
    """Pieces in their order.

    Attributes:
        ids: of each.
        parts: the characters that each adds to the text, perhaps none.
        properties: what holds after each, (pieces, properties).
    """

    ids: list[int]
    parts: list[str]
    properties: Tensor

    def __len__(self) -> int:
        return len(self.ids)


def annotate(
    text: str, names: Sequence[str], *, tokenizer: Tokenizer, most: int | None = None
) -> AnnotatedText:
    """The first `most` pieces of a text: what holds at a piece holds at its last character.

    Args:
        text: any.
        names: of properties.
        tokenizer: whose pieces.
        most: pieces; all when None.
    """
    ids = tokenizer.encode(text)[:most]
    stream = TextStream(tokenizer)
    parts = [stream.push(id) for id in ids]
    # Before each character, what holds after it; nothing does before the first.
    read = "".join(parts)
    known = torch.tensor([[0.0, *PROPERTIES[name].values(read)] for name in names])
    ends = torch.tensor([*accumulate(map(len, parts))], dtype=torch.long)
    return AnnotatedText(ids, parts, known.t()[ends])


def annotate_rows(
    rows: Iterable[str], names: Sequence[str], *, tokenizer: Tokenizer, unit: str, most: int
) -> AnnotatedText:
    """The first `most` pieces of documents, each ended by </s>, or of lines, by newlines.

    Args:
        rows: documents or lines.
        names: of properties; after a document none of them holds.
        tokenizer: whose pieces.
        unit: "document" or "line".
        most: pieces.
    """
    ids: list[int] = []
    parts: list[str] = []
    properties = []
    nothing = torch.zeros(1, len(names))
    for text in ["".join(f"{row}\n" for row in rows)] if unit == "line" else rows:
        marked = annotate(text[: LONGEST * most], names, tokenizer=tokenizer, most=most - len(ids))
        ids += marked.ids
        parts += marked.parts
        properties.append(marked.properties)
        if unit == "document":
            ids.append(tokenizer.end)
            parts.append("")
            properties.append(nothing)
        if len(ids) >= most:
            break
    return AnnotatedText(ids[:most], parts[:most], torch.cat(properties or [nothing[:0]])[:most])
