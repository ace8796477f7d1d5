"""Binary files are refused by name, wherever text is read; text never is."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from seqlstm.errors import DataError
from seqlstm.runtime.file_signatures import binary_kind
from seqlstm.runtime.text_input import decode_text, read_lines


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("word/document.xml", "<w:t>Hello</w:t>")
    return buffer.getvalue()


FILES = {
    "a ZIP archive, as .docx, .odt and .xlsx files are": archive(),
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3",
    "an RTF document": b"{\\rtf1\\ansi Hello}",
    "a document of an old Microsoft Office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0",
    "a gzip file": gzip.compress(b"Hello", mtime=0),
    "a bzip2 file": bz2.compress(b"Hello"),
    "an xz file": lzma.compress(b"Hello"),
    "a picture": b"\x89PNG\r\n\x1a\n",
    "binary, or UTF-16 without its byte-order mark": "Hello\nyou\n".encode("utf-16-le"),
}


@pytest.mark.parametrize("kind", FILES)
def test_binary_files_are_refused_by_name(kind: str) -> None:
    for read in (
        lambda data: decode_text(data, "x"),
        lambda data: [*read_lines(io.BytesIO(data), "x")],
    ):
        with pytest.raises(DataError, match="x is ") as caught:
            read(FILES[kind])
        assert caught.value.message == f"x is {kind}, not plain text."


@pytest.mark.parametrize("text", ["", "PK is short", "%PD", "a\0b", "\0\0\0", "BZh9", "{\\r", "1"])
def test_text_is_text(text: str) -> None:
    assert binary_kind(text.encode()) is None
    assert decode_text(text.encode(), "x") == text
