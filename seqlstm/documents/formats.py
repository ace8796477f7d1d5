"""The formats of documents: which file has which, and who reads it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from seqlstm.documents import po, srt, tmx, xliff
from seqlstm.documents.document import Document


class DocumentFormat(StrEnum):
    text = "text"
    po = "po"
    tmx = "tmx"
    xliff = "xliff"
    srt = "srt"


SUFFIXES = {
    ".po": DocumentFormat.po,
    ".pot": DocumentFormat.po,
    ".tmx": DocumentFormat.tmx,
    ".xlf": DocumentFormat.xliff,
    ".xliff": DocumentFormat.xliff,
    ".srt": DocumentFormat.srt,
}


def format_of(file: Path | None) -> DocumentFormat:
    """The format of a file by its suffix; text for other suffixes and for standard input."""
    return SUFFIXES.get(file.suffix.lower() if file else "", DocumentFormat.text)


def read_document(
    data: bytes,
    name: str,
    format: DocumentFormat,
    *,
    source_lang: str = "",
    target_lang: str = "",
    retranslate: bool = False,
) -> Document:
    """The document in a file.

    Args:
        data: the whole file.
        name: of the file, for messages.
        format: not "text".
        source_lang: a language code, for a TMX file that leaves its source language open.
        target_lang: a language code, for TMX.
        retranslate: whether segments that have a translation are translated again; all texts of an
            SRT file are.

    Raises:
        DataError: the file does not have the format.
    """
    if format == DocumentFormat.srt:
        return srt.read(data, name)
    if format == DocumentFormat.tmx:
        return tmx.read(
            data,
            name,
            source_lang=source_lang,
            target_lang=target_lang,
            retranslate=retranslate,
        )
    reader = po.read if format == DocumentFormat.po else xliff.read
    return reader(data, name, retranslate=retranslate)


def check_sources(
    before: bytes, after: bytes, format: DocumentFormat, read: Callable[..., Document]
) -> None:
    """Make sure, before it is written, that a translated document has the sources it had.

    Args:
        before: the file as it was.
        after: the translated file.
        format: of both; an SRT file has no sources beside its translations.
        read: `read_document` with the arguments of this file.
    """
    if format != DocumentFormat.srt:
        documents = [read(data, retranslate=True) for data in (before, after)]
        texts = [document.kept + len(document.segments) for document in documents]
        # What had no translation and was approved is kept now: fewer sources, in the same order.
        sources = iter([segment.source for segment in documents[0].segments])
        problem = "a translation has changed the structure of the document"
        assert texts[0] == texts[1], problem
        assert all(segment.source in sources for segment in documents[1].segments), problem
