"""The source and the target of a translation, where files and columns state them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from os.path import expanduser, isdir, isfile
from pathlib import Path

from seqlstm.data.sources.columns import columns_of, has_row_ids, sides_in, where_stated
from seqlstm.data.sources.file_names import find_sides, in_known_direction, side_of
from seqlstm.data.sources.folders import list_files, splits_of
from seqlstm.data.sources.local import FilesBySplit, Pair, missing, paths_by_split
from seqlstm.data.sources.plain_text import suffix_of
from seqlstm.data.sources.tables import format_of
from seqlstm.data.sources.tmx import languages_of
from seqlstm.errors import DataError


def find_pair(source: str | FilesBySplit) -> tuple[Pair, str] | None:
    """The pair that a local source states, and where it does; None for any other source.

    The direction is that of two files in the order given, of two columns in their order, of the
    header of TMX, or of names such as "src" and "tgt".

    Raises:
        DataError: the source has no two sides, or does not state the direction.
    """
    if isinstance(source, Mapping):
        files = paths_by_split(source)
        return _pair_of_files(files.get("train") or next(iter(files.values())))
    path = Path(expanduser(source))
    if isdir(path):
        return _pair_of_folder(path)
    return _pair_of_files([path]) if isfile(path) else None


def _pair_of_files(paths: Sequence[Path]) -> tuple[Pair, str]:
    for path in paths:
        if not isfile(path):
            raise missing(path)
    if suffix_of(paths[0]).casefold() == ".tmx":
        return _pair_of_tmx(paths[0])
    if format_of(paths[0]) is not None:
        return _pair_of_columns(paths[0])
    if len(paths) != 2:
        listed = ", ".join(map(str, paths))
        raise DataError(
            f"A translator needs two parallel files, or two columns, not: {listed}.",
            hint='Right would be: source = { train = ["train.en", "train.de"] }',
        )
    return _pair_of_names(paths[0], paths[1])


def _pair_of_names(first: Path, second: Path) -> tuple[Pair, str]:
    common = os.path.commonpath([first.absolute().parent, second.absolute().parent])
    names = [path.absolute().relative_to(common) for path in (first, second)]
    sides = find_sides(names)
    if len(sides) == 2:
        in_order = in_known_direction(sides) or [str(side_of(name, sides)) for name in names]
    else:
        in_order = [str(name).removesuffix(".txt") for name in names]
    if len({*in_order}) != 2:
        raise DataError(f"{first} and {second} are called the same.", hint="Write data.pair.")
    return _stated(in_order, f"the names of {first} and {second}")


def _pair_of_columns(path: Path) -> tuple[Pair, str]:
    columns = columns_of(path)
    candidates = sides_in(columns) if len(columns) > 2 or has_row_ids(columns) else columns
    pair = _known_among(columns) or candidates
    if len(pair) != 2:
        raise _unknown(f"{path} has the columns {', '.join(columns)}", columns)
    return _stated(pair, where_stated(path, columns, pair))


def _known_among(columns: Sequence[str]) -> list[str] | None:
    pairs = ([one, other] for one in columns for other in columns)
    return next((found for pair in pairs if (found := in_known_direction(pair))), None)


def _pair_of_tmx(path: Path) -> tuple[Pair, str]:
    languages, source = languages_of(path)
    if len(languages) == 2 and source is not None:
        target = languages[1 - languages.index(source)]
        return _stated([source, target], f"the header of {path}")
    raise _unknown(f"{path} has the languages {', '.join(languages) or 'none'}", languages)


def _pair_of_folder(folder: Path) -> tuple[Pair, str]:
    files = list_files(folder)
    sides = find_sides(files.texts)
    if known := in_known_direction(sides):
        return _stated(known, f"the names of the files in {folder}")
    if len(sides) > 1:
        raise _unknown(f"{folder} has files of {' and '.join(sides)}", sides)
    tables = splits_of(files.tables or files.tmx)
    if not files.tables and not files.tmx:
        raise DataError(f"{folder} has no two sides. Its files: {files or 'none'}.")
    return _pair_of_files([folder / path for path in next(iter(tables.values()))])


def _stated(pair: Sequence[str], where: str) -> tuple[Pair, str]:
    found = pair[0], pair[1]
    return found, f'pair = ["{found[0]}", "{found[1]}"], from {where}'


def _unknown(what: str, sides: Sequence[str]) -> DataError:
    hint = 'Write data.pair = ["SOURCE", "TARGET"].'
    if len(sides) == 2:
        one, other = sides
        hint = (
            f'Write pair = ["{one}", "{other}"] to translate {one} into {other}, or '
            f'pair = ["{other}", "{one}"].'
        )
    return DataError(f"{what}, and which one is the source is not stated.", hint=hint)
