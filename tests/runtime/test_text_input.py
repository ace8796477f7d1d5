"""Bytes to text: the same lines for whole files, streams and pipes."""

from __future__ import annotations

from io import BytesIO

import pytest

from seqlstm.errors import DataError
from seqlstm.runtime.text_input import LineSplitter, decode_text, read_lines, split_lines

FILES = {
    b"": [],
    b"a": ["a"],
    b"a\n": ["a"],
    b"a\r\nb\rc\n": ["a", "b", "c"],
    b"\n\r\n\r": ["", "", ""],
    b"a\r\r\nb": ["a", "", "b"],
    b"\xef\xbb\xbfa\nb": ["a", "b"],
    "\ufeffa\n\ufeffb\n".encode(): ["a", "\ufeffb"],
    "a\u2028b\x0bc\x0cd\x85e\x1cf\n g \n".encode(): ["a\u2028b\x0bc\x0cd\x85e\x1cf", " g "],
    "e\u0301 \u00e9\n".encode(): ["e\u0301 \u00e9"],
}


@pytest.mark.parametrize(("data", "lines"), FILES.items())
def test_a_file_has_the_same_lines_however_it_is_read(data: bytes, lines: list[str]) -> None:
    assert split_lines(decode_text(data, "file")) == lines
    assert list(read_lines(BytesIO(data), "file")) == lines
    for size in (1, 2, 3):
        splitter = LineSplitter()
        chunks = [data[start : start + size] for start in range(0, len(data), size)]
        pieces = [line for chunk in chunks for line in splitter.push(chunk)] + splitter.rest()
        assert pieces == list(map(bytes, pieces))
        assert [line.decode() for line in pieces] == [
            ("\ufeff" if not number and data.startswith(b"\xef\xbb\xbf") else "") + line
            for number, line in enumerate(lines)
        ]


def test_a_line_is_complete_as_soon_as_its_end_has_come() -> None:
    splitter = LineSplitter()
    assert splitter.push(b"a\r") == [b"a"]
    assert splitter.push(b"\nb") == []
    assert splitter.push(b"c\n") == [b"bc"]
    assert splitter.rest() == []


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_another_encoding_is_named_by_its_mark(encoding: str) -> None:
    data = "\ufeffhello\n".encode(encoding)
    name = encoding[:6].upper()
    for read in (
        lambda: decode_text(data, "f.txt"),
        lambda: list(read_lines(BytesIO(data), "f.txt")),
    ):
        with pytest.raises(DataError, match=rf"f\.txt is {name}") as caught:
            read()
        assert f"iconv -f {name} -t UTF-8" in str(caught.value)


def test_an_error_names_line_and_byte() -> None:
    data = b"a\r\nb\r\xffc\n"
    for read in (lambda: decode_text(data, "f"), lambda: list(read_lines(BytesIO(data), "f"))):
        with pytest.raises(DataError, match=r"f, line 3: not UTF-8 \(byte 0xff\)"):
            read()
    assert list(read_lines(BytesIO(data), "f", errors="replace")) == ["a", "b", "\ufffdc"]
