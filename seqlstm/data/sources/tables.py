"""Columns of text from Parquet, JSON or CSV files, local or on the Hub, read by `datasets`.

Only this module imports `datasets`, and only when it reads: the import takes a second or two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqlstm.data.sources.errors import LOCAL_HINT, UnreachableError, translate_errors
from seqlstm.data.sources.plain_text import PlainFiles, content, suffix_of
from seqlstm.errors import DataError, nearest

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".parquet": ("parquet", {}),
    ".arrow": ("arrow", {}),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
    ".ndjson": ("json", {}),
    ".csv": ("csv", {"sep": ","}),
    ".tsv": ("csv", {"sep": "\t"}),
}
# Without this, pandas reads the sentences "None" and "null" of a CSV file as missing values.
_CSV_OPTIONS = {"keep_default_na": False}
_HUB_TIMEOUT = 10.0  # seconds


@dataclass(frozen=True)
class Tables:
    """The splits of an opened data set.

    Attributes:
        name: of the source, for messages.
        tables: a `datasets.DatasetDict`: a table for each split.
        columns: the column of texts, or the two columns of pairs.
        notes: what reading decided; lines to print.
    """

    name: str
    tables: Any
    columns: tuple[str, ...]
    notes: list[str] = field(default_factory=list)

    @property
    def splits(self) -> list[str]:
        """The names of the splits."""
        return [str(split) for split in self.tables]

    def rows(self, split: str) -> list[str] | list[tuple[str, str]]:
        """All texts or pairs of a split. Raises DataError if a column is missing or not text."""
        table = self.tables[split].flatten()
        columns = [self._texts(table, column, split) for column in self.columns]
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))

    def _texts(self, table: Any, column: str, split: str) -> list[str]:
        if column not in table.column_names:
            raise DataError(
                f'{self.name} ({split}) has no column "{column}". '
                f"Its columns: {', '.join(table.column_names)}.",
                hint=nearest(column, table.column_names),
            )
        texts: list[str] = table[column][:]
        for row, text in enumerate(texts, start=1):
            if not isinstance(text, str):
                value = "nothing" if text is None else f"{type(text).__name__}, not text"
                raise DataError(
                    f'{self.name} ({split}), row {row}: column "{column}" holds {value}.'
                )
        return texts


def format_of(path: Path) -> str | None:
    """The file's suffix in `FORMATS`, without that of a compression; None for plain text."""
    suffix = suffix_of(path)
    return suffix if suffix in FORMATS else None


def open_files(
    files: Mapping[str, Sequence[Path]], *, name: str, columns: tuple[str, ...]
) -> Tables:
    """Open local files of one format, by split.

    Raises:
        DataError: the formats differ, or a file is malformed.
    """
    paths = [file for split in files.values() for file in split]
    suffixes = {format_of(path) for path in paths}
    if len(suffixes) != 1 or None in suffixes:
        raise DataError(f"{name}: files of different formats: {', '.join(map(str, paths))}.")
    kind, options = FORMATS[suffixes.pop() or ""]
    options = {**options, **_CSV_OPTIONS} if kind == "csv" else options
    _check_encoding(kind, paths)
    data_files = {split: [str(file) for file in listed] for split, listed in files.items()}
    with _quiet(), translate_errors(name, paths):
        import datasets

        return Tables(name, datasets.load_dataset(kind, data_files=data_files, **options), columns)


def open_folder(
    folder: Path, *, name: str | None, text: str | None, pair: tuple[str, str] | None
) -> Tables | PlainFiles:
    """Open a local folder in any layout that `datasets` knows; `name` is that of a configuration.

    Raises:
        DataError: the folder has no data, or malformed data.
    """
    where = str(folder)
    with _quiet(), translate_errors(where, []):
        builder = _builder(where, name=name)
    files = _local_files(builder)
    if builder.name == "text" and builder.config.sample_by == "line":
        return PlainFiles(where, files, text, pair)
    paths = [file for split in files.values() for file in split]
    _check_encoding(builder.name, paths)
    with _quiet(), translate_errors(where, paths):
        return Tables(where, _prepare(builder), pair or (text or "text",))


def open_hub(
    identifier: str, *, name: str | None, revision: str | None, columns: tuple[str, ...]
) -> Tables:
    """Open a data set of the Hugging Face Hub, or its cached copy if the Hub cannot be reached.

    Raises:
        DataError: the Hub cannot be reached, or has no such set, revision or configuration.
    """
    with _quiet():
        unreachable = _hub_error(identifier, revision)
        with translate_errors(f'"{identifier}"', []), _cache_only(unreachable):
            tables = _prepare(_builder(identifier, name=name, revision=revision))
    return Tables(identifier, tables, columns)


def _builder(path: str, **options: Any) -> Any:
    import datasets

    builder = datasets.load_dataset_builder(path, **options)
    if builder.name == "csv":
        return datasets.load_dataset_builder(path, **options, **_CSV_OPTIONS)
    return builder


def _prepare(builder: Any) -> Any:
    builder.download_and_prepare()
    return builder.as_dataset()


def _local_files(builder: Any) -> dict[str, list[Path]]:
    files = builder.config.data_files or {}
    return {str(split): [Path(file) for file in paths] for split, paths in files.items()}


def _check_encoding(kind: str, files: Sequence[Path]) -> None:
    """Raise DataError for invalid UTF-8, with the line.

    `datasets` replaces it without a warning in JSON, and reports it without the line in CSV.
    """
    if kind in ("json", "csv"):
        for file in files:
            content(file)


def _hub_error(identifier: str, revision: str | None) -> Exception | None:
    """The error of a single request to the Hub, or None; `datasets` would retry for 30 seconds."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        HfApi().dataset_info(identifier, revision=revision, timeout=_HUB_TIMEOUT)
    except RevisionNotFoundError:
        raise DataError(f'The Hub\'s "{identifier}" has no revision "{revision}".') from None
    except (RepositoryNotFoundError, ValueError):
        raise DataError(
            f'The Hugging Face Hub has no data set "{identifier}" that you may read.',
            hint="Private and gated sets need `hf auth login`. " + LOCAL_HINT,
        ) from None
    except Exception as error:  # its class depends on the HTTP library and its version
        return error
    return None


@contextmanager
def _cache_only(unreachable: Exception | None) -> Iterator[None]:
    """A context in which `datasets` uses only its cache, if the Hub is unreachable."""
    if unreachable is None:
        yield
        return
    from datasets import config

    before, config.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE, True
    try:
        yield
    except ConnectionError as error:
        raise UnreachableError(str(unreachable)) from error
    finally:
        config.HF_HUB_OFFLINE = before


@contextmanager
def _quiet() -> Iterator[None]:
    """A context without progress bars and log lines of `datasets` and the Hub's client."""
    import datasets
    from huggingface_hub.utils import logging as hub_logging

    bars = datasets.are_progress_bars_disabled()
    levels = datasets.logging.get_verbosity(), hub_logging.get_verbosity()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    hub_logging.set_verbosity(datasets.logging.CRITICAL)
    try:
        yield
    finally:
        datasets.logging.set_verbosity(levels[0])
        hub_logging.set_verbosity(levels[1])
        if not bars:
            datasets.enable_progress_bars()
