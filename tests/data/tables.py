"""Small tables in every file format of a source."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

PAIRS = [("a cat", "eine Katze"), ("None", "null"), ("x\u2028y", 'ein "Zitat"')]


def write_table(folder: Path, name: str, rows=PAIRS) -> Path:
    """Write rows of (en, de) in the format of the name's suffix."""
    import datasets

    folder.mkdir(exist_ok=True)
    path = folder / name
    table = datasets.Dataset.from_dict({"en": [a for a, _ in rows], "de": [b for _, b in rows]})
    match path.suffixes[0]:
        case ".parquet":
            table.to_parquet(path)
        case ".jsonl":
            text = "".join(json.dumps({"en": a, "de": b}) + "\n" for a, b in rows)
            path.write_bytes(
                gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode()
            )
        case ".csv":
            table.to_csv(path, index=False)
        case ".tsv":
            path.write_text("".join(f"{a}\t{b}\n" for a, b in [("en", "de"), *rows]))
    return path


FORMATS = ["parquet", "jsonl", "jsonl.gz", "csv", "tsv"]
