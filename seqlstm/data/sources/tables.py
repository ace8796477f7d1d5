"""Columns of text out of Parquet, JSON, CSV and the like, from the Hub or local, by `datasets`.

The only module that imports `datasets`, and only when something is read: it takes a second or two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlstm.data.sources.errors import LOCAL_HINT, UnreachableError, reading
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
# Without this, a sentence such as "None" or "null" in a CSV file would be read as no sentence.
_CSV_AS_WRITTEN = {"keep_default_na": False}
_SECONDS_TO_ANSWER = 10.0


@dataclass(frozen=True)
class Tables:
    """The splits of an opened data set, of which one column or two are text."""

    name: str
    tables: Any  # datasets.DatasetDict
    columns: tuple[str, ...]

    @property
    def splits(self) -> list[str]:
        """The names of the splits."""
        return [str(split) for split in self.tables]

    def rows(self, split: str) -> list[str] | list[tuple[str, str]]:
        """All texts or pairs of a split. Raises DataError for a column missing or not of text."""
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
                held = "nothing" if text is None else f"{type(text).__name__}, not text"
                raise DataError(
                    f'{self.name} ({split}), row {row}: column "{column}" holds {held}.'
                )
        return texts


def format_of(path: Path) -> str | None:
    """The file's suffix in `FORMATS`, whether it is compressed or not; None for plain text."""
    suffix = suffix_of(path)
    return suffix if suffix in FORMATS else None


def open_files(
    files: Mapping[str, Sequence[Path]], *, name: str, columns: tuple[str, ...]
) -> Tables:
    """Local files of one format by split.

    Raises:
        DataError: the formats differ, or a file is malformed.
    """
    every = [file for split in files.values() for file in split]
    suffixes = {format_of(file) for file in every}
    if len(suffixes) != 1 or None in suffixes:
        raise DataError(f"{name}: files of different formats: {', '.join(map(str, every))}.")
    kind, options = FORMATS[suffixes.pop() or ""]
    options = {**options, **_CSV_AS_WRITTEN} if kind == "csv" else options
    _check_encoding(kind, every)
    data_files = {split: [str(file) for file in paths] for split, paths in files.items()}
    with _quiet(), reading(name, every):
        import datasets

        return Tables(name, datasets.load_dataset(kind, data_files=data_files, **options), columns)


def open_folder(
    folder: Path, *, name: str | None, text: str | None, pair: tuple[str, str] | None
) -> Tables | PlainFiles:
    """A local folder in any layout that `datasets` finds splits in; `name` is its configuration's.

    Raises:
        DataError: the folder holds no data, or malformed data.
    """
    where = str(folder)
    with _quiet(), reading(where, []):
        builder = _builder(where, name=name)
    files = _local_files(builder)
    if builder.name == "text" and builder.config.sample_by == "line":
        return PlainFiles(where, files, text, pair)
    every = [file for split in files.values() for file in split]
    _check_encoding(builder.name, every)
    with _quiet(), reading(where, every):
        return Tables(where, _prepared(builder), pair or (text or "text",))


def open_hub(
    identifier: str, *, name: str | None, revision: str | None, columns: tuple[str, ...]
) -> Tables:
    """A data set of the Hugging Face Hub, or its copy in the cache where the Hub is out of reach.

    Raises:
        DataError: the Hub cannot be reached, or has no such set, revision or configuration.
    """
    with _quiet():
        silence = _silence_of_hub(identifier, revision)
        with reading(f'"{identifier}"', []), _cache_only(silence):
            tables = _prepared(_builder(identifier, name=name, revision=revision))
    return Tables(identifier, tables, columns)


def _builder(path: str, **options: Any) -> Any:
    import datasets

    builder = datasets.load_dataset_builder(path, **options)
    if builder.name == "csv":
        return datasets.load_dataset_builder(path, **options, **_CSV_AS_WRITTEN)
    return builder


def _prepared(builder: Any) -> Any:
    builder.download_and_prepare()
    return builder.as_dataset()


def _local_files(builder: Any) -> dict[str, list[Path]]:
    files = builder.config.data_files or {}
    return {str(split): [Path(file) for file in paths] for split, paths in files.items()}


def _check_encoding(kind: str, files: Sequence[Path]) -> None:
    """`datasets` replaces the wrong bytes of JSON silently, and does not say where CSV has them."""
    if kind in ("json", "csv"):
        for file in files:
            content(file)


def _silence_of_hub(identifier: str, revision: str | None) -> Exception | None:
    """Why the Hub gives no answer, asked once: `datasets` itself would try for half a minute."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        HfApi().dataset_info(identifier, revision=revision, timeout=_SECONDS_TO_ANSWER)
    except RevisionNotFoundError:
        raise DataError(f'The Hub\'s "{identifier}" has no revision "{revision}".') from None
    except (RepositoryNotFoundError, ValueError):
        raise DataError(
            f'The Hugging Face Hub has no data set "{identifier}" that you may read.',
            hint="Private and gated sets need `hf auth login`. " + LOCAL_HINT,
        ) from None
    except Exception as error:  # the kinds differ from one HTTP library and its version to the next
        return error
    return None


@contextmanager
def _cache_only(silence: Exception | None) -> Iterator[None]:
    """Lets `datasets` look into its cache alone if the Hub is silent."""
    if silence is None:
        yield
        return
    from datasets import config

    before, config.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE, True
    try:
        yield
    except ConnectionError as error:
        raise UnreachableError(str(silence)) from error
    finally:
        config.HF_HUB_OFFLINE = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars and log lines of `datasets` and the Hub's client."""
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
