"""Folders of files: which are read, and which split and side each of them is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from seqlstm.data.sources.file_names import (
    describes_data,
    find_sides,
    side_of,
    split_of,
    without_side,
)
from seqlstm.data.sources.hub import ARCHIVES
from seqlstm.data.sources.plain_text import PlainFiles, suffix_of
from seqlstm.data.sources.splits import ALIASES
from seqlstm.data.sources.tables import Tables, format_of, open_files
from seqlstm.data.sources.tables import open_folder as open_tables
from seqlstm.data.sources.tmx import TmxFiles
from seqlstm.errors import DataError

# Files beside the data: documents, programs, archives, pictures.
_NO_TEXT = re.compile(
    r".*\.(md|rst|html?|pdf|docx?|toml|ya?ml|ini|cfg|py|sh|log|model|vocab|pt|bin|safetensors|zip|"
    r"tar|tgz|7z|png|jpe?g|svg|wav|mp3|xml|xlsx?|ods|po|xlf|xliff|srt|sgm)(\.\w+)?",
    re.IGNORECASE,
)
# Files of `datasets` and `transformers` that describe the data.
_DESCRIPTIONS = re.compile(r"(config|dataset_infos?|dataset_dict)\.json")
_SHARD = re.compile(r"(^|/)data/(?P<split>\w+(\.\w+)*)-\d{5}-of-\d{5}[^/]*$")
_LISTED = 12  # files in a message


@dataclass(frozen=True)
class FolderFiles:
    """The files of a folder by format, each relative to the folder, in alphabetical order."""

    folder: Path
    texts: Sequence[Path]
    tables: Sequence[Path]
    tmx: Sequence[Path]

    @property
    def all(self) -> list[Path]:
        """All of them."""
        return [*self.texts, *self.tables, *self.tmx]

    def __str__(self) -> str:
        names = [str(path) for path in self.all]
        more = len(names) - _LISTED
        return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def list_files(folder: Path) -> FolderFiles:
    """The data files of a folder and its subfolders; hidden ones are ignored."""
    texts, tables, tmx = [], [], []
    for path in (paths := sorted(_walk(folder))):
        if _describes(path, paths):
            continue
        if format_of(path) is not None:
            tables.append(path)
        elif suffix_of(path).casefold() == ".tmx":
            tmx.append(path)
        elif not describes_data(path) and not _NO_TEXT.fullmatch(path.name):
            texts.append(path)
    return FolderFiles(folder, texts, tables, tmx)


def open_folder(
    folder: Path, *, name: str | None, text: str | None, pair: tuple[str, str] | None
) -> Tables | PlainFiles | TmxFiles:
    """Open a local folder, in a layout of this module or one that `datasets` knows.

    Args:
        folder: the folder.
        name: of a configuration.
        text: the column of text, or the side of parallel files.
        pair: the two columns or sides.

    Raises:
        DataError: the folder has no data, malformed data, or can be read in several ways.
    """
    files = list_files(folder)
    if name is not None or _has_configurations(folder) or _only_archives(files):
        return open_tables(folder, name=name, text=text, pair=pair)
    sides = pair or ((text,) if text not in (None, "text") else ())
    parallel = parallel_files(files.texts, sides) if sides else {}
    others = _any_split([*files.tables, *files.tmx])
    if parallel and not others:
        return _open_parallel(files, sides, parallel)
    texts = [] if sides else [path for path in files.texts if suffix_of(path) == ".txt"]
    if texts and _any_split(texts) and not others:
        return _open_texts(files, text)
    unclear = files.tables and texts and _any_split(texts) == others
    if parallel or unclear or (files.tables and files.tmx) or _in_two_formats(files.tables):
        raise DataError(
            f"{folder} can be read in several ways: {files}.",
            hint='Name the files by split: source = { train = "…", validation = "…" }.',
        )
    if not files.all:
        return open_tables(folder, name=None, text=text, pair=pair)
    if files.tables or files.tmx:
        splits = splits_of(files.tables or files.tmx)
        absolute, unread = _absolute(folder, splits), _unread(files, splits)
        if files.tmx:
            return TmxFiles(str(folder), absolute, sides, unread)
        columns = pair or (text or "text",)
        return open_files(absolute, name=str(folder), columns=columns, notes=unread)
    if pair is not None:
        raise DataError(
            f"{folder} has no files of the sides {pair[0]} and {pair[1]}. Its files: {files}.",
            hint=f"Right would be train.{pair[0]} and train.{pair[1]}, or other names in "
            "data.pair.",
        )
    return _open_texts(files, text)


def parallel_files(paths: Sequence[Path], sides: Sequence[str]) -> dict[str, list[Path]]:
    """Files that belong together, one of each side, by split; in the order of `sides`.

    The split is called "train", "validation" or "test" if only these files name it, else as the
    files are, without their side. Files without a split are "train" if there are no others.

    Raises:
        DataError: two files are the same side of the same split.
    """
    # A single side needs the others too: in "de-en.de", only they show that "de-en" is a direction.
    known = sides if len(sides) > 1 else list(dict.fromkeys([*sides, *find_sides(paths)]))
    groups: dict[str, dict[str, Path]] = {}
    for path in paths:
        side = side_of(path, known)
        if side is not None and side in sides:
            group = groups.setdefault(without_side(path, side, known), {})
            if side in group:
                raise DataError(f"{group[side]} and {path} are both {side}.", hint="Remove one.")
            group[side] = path
    complete = {key: group for key, group in groups.items() if len(group) == len(sides)}
    splits = {key: split_of(group[sides[0]]) for key, group in complete.items()}
    if [*splits.values()] == [None]:
        splits = dict.fromkeys(splits, "train")
    named = [*splits.values()]
    order = [aliases[0] for aliases in ALIASES]
    return {
        (split if split and named.count(split) == 1 else key): [complete[key][s] for s in sides]
        for key, split in sorted(splits.items(), key=lambda item: order.index(item[1] or "test"))
    }


def splits_of(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Files by the split that they name; all are "train" if none names one.

    Shards in a folder `data`, as the Hub has them, go by the name before their number: `law` for
    `data/law-00000-of-00002.parquet`.
    """
    matches = [(path, _SHARD.search(path.as_posix())) for path in paths]
    if shards := {path: match["split"] for path, match in matches if match}:
        return {
            split: [path for path in shards if shards[path] == split]
            for split in sorted({*shards.values()}, key=_place_of)
        }
    named = {aliases[0]: [p for p in paths if split_of(p) == aliases[0]] for aliases in ALIASES}
    return {split: files for split, files in named.items() if files} or {"train": list(paths)}


def _open_parallel(
    files: FolderFiles, sides: Sequence[str], parallel: Mapping[str, list[Path]]
) -> PlainFiles:
    pair = (sides[0], sides[1]) if len(sides) == 2 else None
    unread = [] if pair is None else _unread(files, parallel)  # of a text the other sides
    return PlainFiles(str(files.folder), _absolute(files.folder, parallel), None, pair, unread)


def _open_texts(files: FolderFiles, text: str | None) -> PlainFiles:
    texts = [path for path in files.texts if suffix_of(path) == ".txt"] or files.texts
    sides = find_sides(texts)
    if len(sides) > 1:
        raise DataError(
            f"{files.folder} has text of {' and '.join(sides)}: {files}.",
            hint=f'Name the one to read: data.text = "{sides[0]}".',
        )
    splits = splits_of(texts)
    absolute = _absolute(files.folder, splits)
    return PlainFiles(str(files.folder), absolute, text, None, _unread(files, splits))


def _place_of(split: str) -> tuple[int, str]:
    """The place of a split among others: training before validation before test."""
    known = [place for place, aliases in enumerate(ALIASES) if split in aliases]
    return known[0] if known else len(ALIASES), split


def _any_split(paths: Sequence[Path]) -> bool:
    return any(split_of(path) for path in paths)


def _in_two_formats(tables: Sequence[Path]) -> bool:
    """Whether a split has tables of several formats, which may be the same rows twice."""
    return any(len({*map(format_of, paths)}) > 1 for paths in splits_of(tables).values())


def _unread(files: FolderFiles, splits: Mapping[str, list[Path]]) -> list[str]:
    """A line that names the files of a folder that are in no split."""
    read = {path for paths in splits.values() for path in paths}
    unread = [str(path) for path in files.all if path not in read]
    return [f"{files.folder}: not read: {', '.join(unread)}"] if unread else []


def _absolute(folder: Path, splits: Mapping[str, list[Path]]) -> dict[str, list[Path]]:
    return {split: [folder / path for path in paths] for split, paths in splits.items()}


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(place) / name for name in names if not name.startswith(".")):
            if path.is_file():
                yield path.relative_to(folder)


def _describes(path: Path, paths: Sequence[Path]) -> bool:
    """Whether a file describes data beside it, as `datasets` writes it."""
    saved = path.name == "state.json" and path.with_name("dataset_info.json") in paths
    return saved or _DESCRIPTIONS.fullmatch(path.name) is not None


def _refuse(error: OSError) -> NoReturn:
    raise DataError(f"{error.filename} cannot be read: {error.strerror}.") from None


def _only_archives(files: FolderFiles) -> bool:
    """Whether the data are in archives, which `datasets` unpacks."""
    return not files.all and any(path.suffix in ARCHIVES for path in _walk(files.folder))


def _has_configurations(folder: Path) -> bool:
    """Whether a README of the Hub states which files are which."""
    try:
        head = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.match(r"---\n(.*\n)*?configs:", head) is not None
