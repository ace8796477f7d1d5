"""Small tables in every file format of a source."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet

PAIRS = [("a cat", "eine Katze"), ("None", "null"), ("x\u2028y", 'ein "Zitat"')]


def write_table(folder: Path, name: str, rows=PAIRS) -> Path:
    """Write rows of (en, de) in the format of the name's suffix."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    match path.suffixes[0]:
        case ".parquet":
            columns = {"en": [en for en, _ in rows], "de": [de for _, de in rows]}
            parquet.write_table(pyarrow.table(columns), path)
        case ".jsonl":
            text = "".join(json.dumps({"en": a, "de": b}) + "\n" for a, b in rows)
            path.write_bytes(
                gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode()
            )
        case ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([("en", "de"), *rows])
        case ".tsv":
            lines = "".join(f"{a}\t{b}\n" for a, b in [("en", "de"), *rows])
            path.write_text(lines, encoding="utf-8")
    return path


FORMATS = ["parquet", "jsonl", "jsonl.gz", "csv", "tsv"]
