"""Local sources: a file, a folder, or files by split; and paths that do not exist."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from os.path import exists, expanduser, isfile
from pathlib import Path

from seqlstm.data.sources import tables
from seqlstm.data.sources.file_names import order_sides
from seqlstm.data.sources.folders import open_folder
from seqlstm.data.sources.plain_text import COMPRESSED, PlainFiles, suffix_of
from seqlstm.data.sources.tables import Tables
from seqlstm.data.sources.tmx import TmxFiles
from seqlstm.errors import DataError, nearest

Pair = tuple[str, str]
FilesBySplit = Mapping[str, str | Path | Sequence[str | Path]]
LocalSource = Tables | PlainFiles | TmxFiles

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")


def open_path(
    path: Path, *, name: str | None, revision: str | None, text: str | None, pair: Pair | None
) -> LocalSource:
    """Open an existing file, which is the split "train", or an existing folder.

    Raises:
        DataError: it cannot be read as asked, or a setting is of the Hub alone.
    """
    if path.is_dir():
        refuse_settings(str(path), revision=revision)
        return open_folder(path, name=name, text=text, pair=pair)
    refuse_settings(str(path), name=name, revision=revision)
    return open_files({"train": path}, name=str(path), text=text, pair=pair)


def open_files(
    source: FilesBySplit, *, name: str, text: str | None, pair: Pair | None
) -> LocalSource:
    """Open files by split: tables, TMX, lines of text, or two parallel files of lines.

    Raises:
        DataError: a file is missing, or the files cannot be read together.
    """
    files = paths_by_split(source)
    listed = [path for paths in files.values() for path in paths]
    for path in listed:
        if not exists(path):
            raise missing(path)
        if not isfile(path):
            raise DataError(f"{path} is not a regular file.")
    if all(suffix_of(path).casefold() == ".tmx" for path in listed):
        return TmxFiles(name, files, pair or ((text,) if text else ()))
    if any(tables.format_of(path) is not None for path in listed):
        return tables.open_files(files, name=name, columns=pair or (text or "text",))
    notes: list[str] = []
    if pair is not None:
        files = order_sides(files, pair, notes, order_given=True)
    return PlainFiles(name, files, text, pair, notes)


def paths_by_split(source: FilesBySplit) -> dict[str, Sequence[Path]]:
    """The paths of each split, with "~" expanded."""
    listed = {
        split: [paths] if isinstance(paths, str | Path) else list(paths)
        for split, paths in source.items()
    }
    return {split: [Path(expanduser(path)) for path in paths] for split, paths in listed.items()}


def refuse_settings(where: str, **settings: str | None) -> None:
    """Raise a DataError for a setting that has a value."""
    for key, value in settings.items():
        if value is not None:
            raise DataError(f'data.{key} = "{value}" means nothing for {where}.', hint="Remove it.")


def could_be_hub_name(source: str) -> bool:
    """Whether a name without a file or folder here may be one of the Hugging Face Hub.

    A path of a known format, or in a folder that exists, is none.
    """
    path = Path(source)
    if not _HUB_NAME.fullmatch(source) or ("/" in source and path.parent.is_dir()):
        return False
    is_file_name = suffix_of(path) in (".txt", ".tmx") or path.suffix.lower() in COMPRESSED
    return not is_file_name and tables.format_of(path) is None


def missing(path: Path, others: Iterable[str] = ()) -> DataError:
    """The error for a path that does not exist; its hint is the nearest name beside it.

    Args:
        path: the path.
        others: further names that may have been meant.
    """
    return DataError(f"There is no file or folder {path}.", hint=nearest_path(path, others))


def nearest_path(path: Path, others: Iterable[str] = ()) -> str | None:
    """The hint of an existing path that is similar to a missing one."""
    try:
        beside = sorted(os.listdir(path.parent))
    except (OSError, ValueError):  # ValueError: a zero byte in the name
        beside = []
    return nearest(str(path), [*others, *(str(path.parent / name) for name in beside)])
