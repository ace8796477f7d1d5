"""What lies in a file or folder: the task that it suits, its columns, splits and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import exists, expanduser
from pathlib import Path
from typing import Literal

from seqlstm.config.data import SplitsConfig
from seqlstm.data.sources.columns import columns_of, sides_in, where_stated
from seqlstm.data.sources.directions import find_pair
from seqlstm.data.sources.file_names import find_sides
from seqlstm.data.sources.folders import list_files, splits_of
from seqlstm.data.sources.headers import TEXT_NAMES
from seqlstm.data.sources.local import missing
from seqlstm.data.sources.plain_text import suffix_of
from seqlstm.data.sources.read import Corpus, list_splits, read
from seqlstm.data.sources.splits import ALIASES
from seqlstm.data.sources.tables import format_of
from seqlstm.errors import ArgumentError, DataError
from seqlstm.recipe.tasks.registry import TASKS

# Per cent of the training rows for each held-out split, for corpora of at most so many rows.
HELD_OUT = ((1_000, 10), (20_000, 5), (200_000, 2))
FEW = 8  # with fewer rows, ten per cent of them may round to none: one row is held out


@dataclass(frozen=True)
class DataSurvey:
    """What was found.

    Attributes:
        source: the path, as a recipe names it.
        task: "translation" or "language-model".
        pair: source and target of a translator.
        text: the column of a language model.
        unit: whether rows of text are lines or documents.
        splits: of the recipe; slices where there is only one.
        rows: number of rows of the source's split that is trained on, or cut into slices.
        train: the rows of the training split.
        lines: what was found, to print.
    """

    source: str
    task: str
    pair: tuple[str, str] | None
    text: str | None
    unit: Literal["line", "document"]
    splits: SplitsConfig
    rows: int
    train: Corpus
    lines: list[str]


def survey(
    source: str, *, task: str | None = None, pair: tuple[str, str] | None = None
) -> DataSurvey:
    """Look at a file or folder.

    Args:
        source: the path.
        task: by default the one that it suits.
        pair: source and target, where files or columns do not state them.

    Raises:
        DataError: there is no such path, or its columns or direction are not clear.
        ArgumentError: no recipe of this task is drafted, or it has no pair.
    """
    if task not in (None, *(known := [_task_of("pair"), _task_of("text")])):
        raise ArgumentError(
            f"no recipe of the task {task} is drafted, but of {' and '.join(known)}"
        )
    path = Path(expanduser(source))
    if not exists(path):
        raise missing(path)
    tables = _tables(path)
    columns = columns_of(tables[0]) if tables else []
    task = task or _task_of("pair" if pair or _has_sides(path, columns) else "text")
    lines: list[str] = []
    text = None
    if task == _task_of("pair"):
        pair = pair or _stated_pair(path, lines)
    elif pair:
        raise ArgumentError("--pair names the two sides of a translation, not of one text")
    else:
        text = _text_column(path, columns)
        if tables:
            lines.append(f'text = "{text}", from {where_stated(tables[0], columns, [text])}')
    named = _as_source(source)
    available = list_splits(named, text=text, pair=pair)
    rows = read(named, split=_of(available, "train") or available[0], text=text, pair=pair)
    splits = choose_splits(available, len(rows))
    train = read(named, split=splits.train, text=text, pair=pair)
    lines += [
        f"{source}: {', '.join(available)}; {len(rows):,} rows to train on",
        *train.notes,
    ]
    unit: Literal["line", "document"] = "document" if tables else "line"
    return DataSurvey(named, task, pair, text, unit, splits, len(rows), train, lines)


def choose_splits(available: Sequence[str], rows: int) -> SplitsConfig:
    """The three splits of a source: its own, or slices of the rows to train on.

    Args:
        available: the names of its splits.
        rows: number of rows of the training split.
    """
    train, validation, test = (_of(available, name) for name in ("train", "validation", "test"))
    train = train or available[0]
    share = next((per_cent for limit, per_cent in HELD_OUT if rows <= limit), 1)
    if validation and test:
        return SplitsConfig(train=train, validation=validation, test=test)
    if validation:
        return SplitsConfig(train=train, validation=validation, test=validation)
    slices = 2 if test else 3
    first, second = (
        ("-2", "-1") if slices <= rows < FEW else (f"{100 - 2 * share}%", f"{100 - share}%")
    )
    last = f"{train}[{second}:]"
    if test:
        return SplitsConfig(train=f"{train}[:{second}]", validation=last, test=test)
    middle = f"{train}[{first}:{second}]"
    return SplitsConfig(train=f"{train}[:{first}]", validation=middle, test=last)


def _of(available: Sequence[str], split: str) -> str | None:
    aliases = next(names for names in ALIASES if split in names)
    return next((name for name in aliases if name in available), None)


def _task_of(column: str) -> str:
    """The first task whose rows have this one column."""
    return next(name for name, task in TASKS.items() if task.columns == (column,))


def _tables(path: Path) -> list[Path]:
    """The files of tables of the first split."""
    if path.is_dir():
        files = list_files(path)
        if find_sides(files.texts) or not files.tables:
            return []
        return [path / name for name in next(iter(splits_of(files.tables).values()))]
    return [path] if format_of(path) is not None else []


def _has_sides(path: Path, columns: Sequence[str]) -> bool:
    if columns:
        return len(sides_in(columns)) > 1 or columns == ["1", "2"]
    if path.is_dir():
        files = list_files(path)
        return len(find_sides(files.texts)) > 1 or bool(files.tmx)
    return suffix_of(path).casefold() == ".tmx"


def _stated_pair(path: Path, lines: list[str]) -> tuple[str, str]:
    try:
        found = find_pair(str(path))
    except DataError as error:
        raise DataError(error.message, hint="Name them: --pair SOURCE,TARGET") from None
    assert found is not None  # the path exists
    lines.append(found[1])
    return found[0]


def _text_column(path: Path, columns: Sequence[str]) -> str:
    if not columns:
        return "text"
    usual = [name for name in TEXT_NAMES if name in columns]
    if len(columns) > 1 and not usual:
        by = "their positions, such as --pair 1,2" if columns[0] == "1" else "--pair SOURCE,TARGET"
        raise DataError(
            f"{path} has the columns {', '.join(columns)}: which one is the text?",
            hint=f"For translation name two of them: {by}. For a language model call one text.",
        )
    return usual[0] if usual else columns[0]


def _as_source(source: str) -> str:
    """The path so that it can be nothing else, such as a name of the Hub."""
    return source if source.startswith(("/", "~", "./", "../")) else f"./{source}"
