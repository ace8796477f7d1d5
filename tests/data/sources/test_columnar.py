"""Parquet and Arrow: columns of text by their type."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from seqlstm.data.sources.read import read
from seqlstm.errors import DataError

TEXTS = ["007", "2024-05-01", "None", "", "a\r\nb", "\u2028"]
NESTED = pa.array([{"en": "a", "de": "b"}, None, {"en": None, "de": "c"}, {"en": "d", "de": "e"}])


def write(path, table):
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=2)
    else:
        new = pa.ipc.new_stream if path.stem == "stream" else pa.ipc.new_file
        with new(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    return path


@pytest.fixture(params=["t.parquet", "stream.arrow", "file.arrow"])
def path(request, tmp_path):
    return tmp_path / request.param


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
    ids=str,
)
def test_all_types_of_strings_are_text(path, kind):
    if pa.types.is_dictionary(kind):
        column = pa.array(TEXTS).dictionary_encode()
    else:
        column = pa.array(TEXTS, kind)
    corpus = read(write(path, pa.table({"t": column, "n": range(6)})), split="train", text="t")
    assert corpus.rows == TEXTS
    assert corpus.notes == ()


def test_a_missing_cell_leaves_out_the_pair(path):
    write(path, pa.table({"translation": NESTED}))
    corpus = read(path, split="train", pair=["translation.en", "translation.de"])
    assert corpus.rows == [("a", "b"), ("d", "e")]
    assert corpus.notes == (
        f'{path.name}: 2 of 4 rows left out: no text in column "translation.en" or '
        '"translation.de" (rows 2, 3)',
    )


def test_a_column_without_any_text(path):
    write(path, pa.table({"t": pa.nulls(2)}))
    with pytest.raises(DataError, match="is empty"):
        read(path, split="train", text="t")


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([7]), "int64"),
        (pa.array([b"x"]), "binary"),
        (pa.array([["x"]]), "list<"),
        (pa.array([1], pa.timestamp("s")), "timestamp"),
    ],
)
def test_another_type_is_named(path, column, kind):
    write(path, pa.table({"t": column}))
    with pytest.raises(DataError, match=rf'{path.name}: column "t" has the type {kind}'):
        read(path, split="train", text="t")


def test_a_missing_column_lists_the_existing_ones(path):
    write(path, pa.table({"translation": NESTED, "id": range(4)}))
    with pytest.raises(DataError, match=r"translation\.en, translation\.de, id\.") as caught:
        read(path, split="train", text="translation.e")
    assert caught.value.hint == 'did you mean "translation.en"?'


def test_a_name_must_be_unique(path):
    write(path, pa.table([pa.array(["a"]), pa.array(["b"])], names=["t", "t"]))
    with pytest.raises(DataError, match='2 columns "t"'):
        read(path, split="train", text="t")


def test_bytes_that_are_not_utf8(path):
    offsets, data = pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")
    write(path, pa.table({"t": pa.StringArray.from_buffers(1, offsets, data)}))
    with pytest.raises(DataError, match=rf"{path.name} cannot be read: .*[uU][tT][fF]-?8"):
        read(path, split="train", text="t")


@pytest.mark.parametrize("kept", [0, 3, 100])
def test_a_damaged_file(path, kept):
    write(path, pa.table({"t": TEXTS}))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=rf"{path.name} cannot be read: "):
        read(path, split="train", text="t")


def test_compressed(path):
    write(path, pa.table({"t": TEXTS}))
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed, split="train", text="t").rows == TEXTS
