"""The Hugging Face Hub: whether it can be reached, what it sends, and what is cached of it.

`datasets` is imported only when it reads: the import takes a second or two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from seqlstm.data.sources.errors import CONVERTED_HINT, LOCAL_HINT, UnreachableError
from seqlstm.errors import DataError

_HUB_TIMEOUT = 10.0  # seconds
ARCHIVES = (".zip", ".zst", ".lz4", ".7z", ".rar", ".tar")  # `datasets` unpacks them
# Settings of a configuration that are read here, or that mean nothing where all cells are text.
_SETTINGS = {
    "csv": {"sep", "delimiter", "keep_default_na", "na_filter", "chunksize"},
    "json": {"field", "chunksize", "on_mixed_types", "parse_agent_traces"},
    "parquet": {"batch_size"},
    "arrow": set(),
    "text": {"chunksize"},
}
_PREPARED = ("parquet", "arrow")  # of the Hub: their types are those of the files


@dataclass(frozen=True)
class FileListing:
    """The files of a data set, and how they are read.

    Attributes:
        kind: "csv", "json", "parquet", "arrow" or "text".
        options: of the reader.
        files: paths by split.
    """

    kind: str
    options: Mapping[str, Any]
    files: Mapping[str, Sequence[str]]


DataSet = FileListing | Mapping[str, Any]
"""The files of a data set, or a `datasets.Dataset` for each split if it has another format."""


def find_in_folder(folder: Path, *, name: str | None) -> DataSet:
    """The data set in a local folder, in any layout that `datasets` knows.

    Args:
        folder: the folder.
        name: of a configuration.

    Raises:
        Exception: those of `datasets`.
        DataError: its configuration has settings that cannot take effect.
    """
    builder = _builder(str(folder), name=name)
    return _list_files(builder, str(folder)) if _is_read_here(builder) else _prepare(builder)


def find_on_hub(identifier: str, *, name: str | None, revision: str | None) -> DataSet:
    """A data set of the Hugging Face Hub, or its cached copy if the Hub cannot be reached.

    Types are never inferred: the files of CSV, JSON and plain text are downloaded as they are.

    Args:
        identifier: the set.
        name: of a configuration.
        revision: branch, tag or commit.

    Raises:
        Exception: those of `datasets`.
        DataError: the Hub has no such set or revision, or the set's configuration has settings that
            cannot take effect.
        UnreachableError: neither the Hub nor a cached copy can be read.
    """
    record = _record_of(identifier, name, revision)
    if unreachable := _hub_error(identifier, revision):
        return _recorded(record) or _cached(identifier, name, revision, unreachable)
    builder = _builder(identifier, name=name, revision=revision)
    if builder.name in _PREPARED or not _is_read_here(builder):
        return _prepare(builder)
    listing = _list_files(builder, f'"{identifier}"')
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(asdict(listing)), encoding="utf-8")
    return listing


def _builder(path: str, **options: Any) -> Any:
    import datasets

    return datasets.load_dataset_builder(path, **options)


def _prepare(builder: Any) -> Mapping[str, Any]:
    builder.download_and_prepare()
    prepared: Mapping[str, Any] = builder.as_dataset()
    return prepared


def _is_read_here(builder: Any) -> bool:
    """Whether the rows are cells or lines of files, in a format that is read here."""
    if builder.name == "text":
        return bool(builder.config.sample_by == "line")
    return builder.name in _SETTINGS


def _list_files(builder: Any, where: str) -> FileListing:
    """The files of a builder, which are downloaded and unpacked."""
    _check_settings(builder, where)
    config, options = builder.config, {}
    if builder.name == "csv":
        options = {"delimiter": config.sep}
    elif builder.name == "json" and config.field is not None:
        options = {"field": config.field}
    return FileListing(builder.name, options, _local_files(config.data_files or {}))


def _check_settings(builder: Any, where: str) -> None:
    """Make sure that a configuration has only settings that take effect."""
    import datasets

    config = builder.config
    default = type(config)()
    known = {field.name for field in fields(datasets.BuilderConfig)} | {"features", "sample_by"}
    known |= _SETTINGS[builder.name]
    changed = {
        field.name: getattr(config, field.name)
        for field in fields(config)
        if field.name not in known and getattr(config, field.name) != getattr(default, field.name)
    }
    if str(changed.get("encoding")).lower() in ("utf-8", "utf8"):
        del changed["encoding"]
    if builder.name == "csv" and len(config.sep) != 1:
        changed["sep"] = config.sep
    if changed:
        settings = ", ".join(f"{key} = {value!r}" for key, value in changed.items())
        raise DataError(
            f"{where}: its configuration has settings that cannot take effect here: {settings}.",
            hint=CONVERTED_HINT,
        )


def _local_files(files: Mapping[Any, Sequence[str]]) -> dict[str, list[str]]:
    """Files by split, downloaded if they are URLs, and unpacked if they are archives."""
    import datasets

    manager = datasets.DownloadManager()

    def unpack(path: str) -> list[str]:
        if Path(path).suffix.lower() not in ARCHIVES:
            return [str(path)]
        return [str(file) for file in manager.iter_files(manager.extract(path))]

    local = manager.download({str(split): [*paths] for split, paths in files.items()})
    return {
        split: [file for path in paths for file in unpack(path)] for split, paths in local.items()
    }


def _record_of(identifier: str, name: str | None, revision: str | None) -> Path:
    """The file that records which downloaded files are a data set, for use without the Hub."""
    from datasets import config

    digest = sha256(json.dumps([identifier, name, revision]).encode()).hexdigest()[:32]
    return Path(config.HF_DATASETS_CACHE) / "seqlstm" / f"{digest}.json"


def _recorded(record: Path) -> FileListing | None:
    """The listing in a record, if all its files are still there."""
    try:
        listing = FileListing(**json.loads(record.read_text(encoding="utf-8")))
        complete = all(Path(path).is_file() for paths in listing.files.values() for path in paths)
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return listing if complete else None


def _cached(identifier: str, name: str | None, revision: str | None, reason: Exception) -> DataSet:
    """The copy that `datasets` has prepared, unless it has inferred types."""
    with _cache_only(reason):
        prepared = _prepare(_builder(identifier, name=name, revision=revision))
    kinds = {data_set.info.builder_name for data_set in prepared.values()}
    if kinds & (_SETTINGS.keys() - {*_PREPARED}):
        raise UnreachableError(str(reason))
    return prepared


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
def _cache_only(unreachable: Exception) -> Iterator[None]:
    """A context in which `datasets` uses only its cache."""
    from datasets import config

    before, config.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE, True
    try:
        yield
    except ConnectionError as error:
        raise UnreachableError(str(unreachable)) from error
    finally:
        config.HF_HUB_OFFLINE = before


@contextmanager
def quiet() -> Iterator[None]:
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
