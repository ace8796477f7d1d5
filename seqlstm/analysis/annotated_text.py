"""A text in a model's pieces, annotated with properties of the text at each piece."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from seqlstm.analysis.text_properties import PROPERTIES
from seqlstm.text.streaming import TextStream
from seqlstm.text.tokenizer import Tokenizer

MAX_PIECE_CHARACTERS = 16  # on average; bounds the text that is encoded for a number of pieces


@dataclass(frozen=True)
class AnnotatedText:
    """The pieces of a text with their properties.

    Attributes:
        ids: of the pieces.
        parts: the text that each piece adds, perhaps none.
        properties: the values of the properties after each piece, (pieces, properties).
    """

    ids: list[int]
    parts: list[str]
    properties: Tensor

    def __len__(self) -> int:
        return len(self.ids)


def annotate(
    text: str, names: Sequence[str], *, tokenizer: Tokenizer, max_pieces: int | None = None
) -> AnnotatedText:
    """Annotate each piece of a text with the properties at its last character.

    Args:
        text: any text.
        names: of properties.
        tokenizer: segments the text into pieces.
        max_pieces: maximum number of pieces; None for all.
    """
    ids = tokenizer.encode(text)[:max_pieces]
    stream = TextStream(tokenizer)
    parts = [stream.push(id) for id in ids]
    decoded = "".join(parts)
    # (properties, 1 + characters): all are 0 before the first character.
    values = torch.tensor([[0.0, *PROPERTIES[name].values(decoded)] for name in names])
    ends = torch.tensor([*accumulate(map(len, parts))], dtype=torch.long)
    return AnnotatedText(ids, parts, values.t()[ends])


def annotate_rows(
    rows: Iterable[str], names: Sequence[str], *, tokenizer: Tokenizer, unit: str, max_pieces: int
) -> AnnotatedText:
    """Annotate the first pieces of documents, each ended by </s>, or of lines, each by a newline.

    Args:
        rows: documents or lines.
        names: of properties; all are 0 at the end of a document.
        tokenizer: segments the text into pieces.
        unit: "document" or "line".
        max_pieces: maximum number of pieces.
    """
    ids: list[int] = []
    parts: list[str] = []
    properties = []
    zeros = torch.zeros(1, len(names))
    for text in ["".join(f"{row}\n" for row in rows)] if unit == "line" else rows:
        annotated = annotate(
            text[: MAX_PIECE_CHARACTERS * max_pieces],
            names,
            tokenizer=tokenizer,
            max_pieces=max_pieces - len(ids),
        )
        ids += annotated.ids
        parts += annotated.parts
        properties.append(annotated.properties)
        if unit == "document":
            ids.append(tokenizer.end)
            parts.append("")
            properties.append(zeros)
        if len(ids) >= max_pieces:
            break
    values = torch.cat(properties or [zeros[:0]])
    return AnnotatedText(ids[:max_pieces], parts[:max_pieces], values[:max_pieces])
