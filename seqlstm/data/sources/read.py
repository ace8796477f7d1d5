"""Corpora from the Hugging Face Hub, local folders and files, and built-in sources.

`read` is the entry point for all of them. A Hub id and a local copy of the same data set have the
same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from os.path import exists, expanduser
from pathlib import Path
from typing import Any, Protocol, cast

from seqlstm.config.components import check_options
from seqlstm.config.data import BUILT_IN_PREFIX
from seqlstm.data.builtin import dates, python_docs
from seqlstm.data.builtin.synthetic_tasks import COLUMNS, SIZES, SYNTHETIC_TASKS
from seqlstm.data.sources import tables
from seqlstm.data.sources.local import (
    FilesBySplit,
    could_be_hub_name,
    missing,
    nearest_path,
    open_files,
    open_path,
    refuse_settings,
)
from seqlstm.data.sources.splits import parse, resolve
from seqlstm.data.sources.tmx import TmxFiles
from seqlstm.errors import DataError, SplitError, nearest

Pair = tuple[str, str]
Rows = Sequence[str] | Sequence[Pair]

BUILT_IN = ("python-docs", "dates", *SYNTHETIC_TASKS)


@dataclass(frozen=True)
class Corpus:
    """A corpus: the rows of a split, in memory.

    Attributes:
        rows: all lines or documents of text, or all pairs of texts.
        name: of the source, for messages and reports.
        split: the split expression, such as "train[:98%]".
        notes: what reading decided, such as the rows that were left out; lines to print.
        references: further translations of the sources of pairs: sets of one for each row, which
            may be empty.
    """

    rows: Rows
    name: str
    split: str
    notes: tuple[str, ...] = ()
    references: tuple[Sequence[str], ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def texts(self) -> Sequence[str]:
        """The rows, if they are single texts."""
        assert isinstance(self.rows[0], str)
        return cast(Sequence[str], self.rows)

    @property
    def pairs(self) -> Sequence[Pair]:
        """The rows, if they are pairs."""
        assert isinstance(self.rows[0], tuple)
        return cast(Sequence[Pair], self.rows)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of the rows, in order, and the references."""
        digest = sha256()
        for row in self.rows:
            sides = (row,) if isinstance(row, str) else row
            for side in sides:
                encoded = side.encode("utf-8", "surrogatepass")
                digest.update(b"%d:%d:" % (len(sides), len(encoded)))
                digest.update(encoded)
        for reference in self.references:
            digest.update("\0".join(reference).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:12]


class Source(Protocol):
    """An opened source of rows by split; `PlainFiles`, `Tables`, `TmxFiles` and `_BuiltIn`."""

    @property
    def name(self) -> str:
        """The name of the source in messages."""

    @property
    def notes(self) -> list[str]:
        """What opening and reading decided; `rows` appends to it."""

    @property
    def splits(self) -> list[str]:
        """The names of the splits."""

    def rows(self, split: str) -> list[str] | list[Pair]:
        """All rows of a split."""


def read(
    source: str | Path | FilesBySplit,
    *,
    split: str,
    text: str | None = None,
    pair: Sequence[str] | None = None,
    references: Sequence[str] = (),
    name: str | None = None,
    revision: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Corpus:
    """Read a split of a source into memory.

    Args:
        source: a built-in source ("python-docs", "dates" or one of `SYNTHETIC_TASKS`), a local file
            or folder, a Hub id, or files by split; two plain-text files a split are pairs, line by
            line.
        split: train, validation (or valid, val, dev) or test; or a slice or sum of splits, such as
            "train[:98%]" and "validation+test".
        text: the column of text, with dots if nested; "text" if both `text` and `pair` are None.
        pair: the source and target columns (or the locales of "dates").
        references: further target columns of a source of pairs; a row may lack them.
        name: of a configuration, for a data set that has several.
        revision: a version of a Hub data set.
        options: of a synthetic task.

    Raises:
        DataError: the source, split or column is missing, empty, malformed or cannot be reached.
        ValueError: both `text` and `pair` are set, or `references` without `pair`.
    """
    if text is not None and pair is not None:
        raise ValueError("a source is read as text or as pairs, were: both")
    if references and pair is None:
        raise ValueError(f"references belong to pairs, were: {references} without a pair")
    columns = None if pair is None else _two_columns(pair)
    parts = parse(split)
    if (task := built_in_name(source)) in SYNTHETIC_TASKS:
        refuse_settings(f'"{task}"', name=name, revision=revision)
        opened = _synthetic_task(task, pair=columns, options=options or {})
    elif options:
        tasks = ", ".join(SYNTHETIC_TASKS)
        raise DataError(f"data.options mean nothing for {source}.", hint=f"They are for {tasks}.")
    else:
        opened = _open(source, text=text, pair=columns, name=name, revision=revision)
    if references:
        opened = _with_references(opened, tuple(references))
    rows: list[Any] = []
    for part in parts:
        rows.extend(part.cut(opened.rows(_resolve(part.split, opened))))
    if not rows:
        raise DataError(
            f'{opened.name}: the split "{split}" is empty.', hint="\n".join(opened.notes) or None
        )
    notes = tuple(dict.fromkeys(opened.notes))
    if not references:
        return Corpus(rows, opened.name, split, notes)
    further = tuple([row[place] for row in rows] for place in range(2, 2 + len(references)))
    return Corpus([row[:2] for row in rows], opened.name, split, notes, further)


def _with_references(opened: Source, references: tuple[str, ...]) -> Source:
    """The source with further texts behind those of each pair."""
    if isinstance(opened, tables.Tables | TmxFiles):
        return replace(opened, references=references)
    raise DataError(
        f'{opened.name} has pairs and no further column "{references[0]}".',
        hint="Name files of further references: --references FILE.",
    )


def _resolve(split: str, opened: Source) -> str:
    try:
        return resolve(split, available=opened.splits, source=opened.name)
    except SplitError as error:  # notes name the files that are no split
        hints = [hint for hint in (error.hint, *opened.notes) if hint]
        raise SplitError(error.message, hint="\n".join(hints) or None) from None


def list_splits(
    source: str | Path, *, text: str | None = None, pair: Sequence[str] | None = None
) -> list[str]:
    """The names of the splits of a source, as for `read`."""
    columns = None if pair is None else _two_columns(pair)
    return _open(source, text=text, pair=columns, name=None, revision=None).splits


def _two_columns(pair: Sequence[str]) -> Pair:
    if len(pair) != 2:
        raise DataError(f"A pair names two columns, not {len(pair)}: {', '.join(pair)}.")
    return pair[0], pair[1]


def _open(
    source: str | Path | FilesBySplit,
    *,
    text: str | None,
    pair: Pair | None,
    name: str | None,
    revision: str | None,
) -> Source:
    if isinstance(source, Mapping):
        refuse_settings("local files", name=name, revision=revision)
        return open_files(source, name="local files", text=text, pair=pair)
    if (built_in := built_in_name(source)) in BUILT_IN:
        refuse_settings(f'"{built_in}"', name=name, revision=revision)
        return _built_in(built_in, text=text, pair=pair)
    path = Path(expanduser(source))
    if exists(path):  # False too for a name that is too long
        return open_path(path, name=name, revision=revision, text=text, pair=pair)
    if isinstance(source, Path) or not could_be_hub_name(source):
        raise missing(path, BUILT_IN)
    if "/" not in source and nearest(source, BUILT_IN):
        raise missing(path, BUILT_IN)
    try:
        columns = pair or (text or "text",)
        return tables.open_hub(source, name=name, revision=revision, columns=columns)
    except DataError as error:
        message = f"There is no file or folder {source}. {error.message}"
        hints = [hint for hint in (nearest_path(path), error.hint) if hint]
        raise DataError(message, hint="\n".join(hints) or None) from error


def built_in_name(source: object) -> str:
    """The name of a built-in source, as `BUILT_IN` has it; "" for any other source.

    Raises:
        DataError: a file or folder here has the same name.
    """
    if not isinstance(source, str):
        return ""
    name = source.removeprefix(BUILT_IN_PREFIX)
    if name not in BUILT_IN:
        return ""
    # A run folder, which a person may call like its data, is no source.
    if name == source and exists(name) and not exists(Path(name) / "recipe.toml"):
        raise DataError(
            f'"{name}" is a built-in source, and there is a file or folder {name} here.',
            hint=f'Write "./{name}" for the file or folder, "{BUILT_IN_PREFIX}{name}" for the '
            "built-in source.",
        )
    return name


@dataclass(frozen=True)
class _BuiltIn:
    name: str
    splits: list[str]
    rows: Callable[[str], list[str] | list[Pair]]
    notes: list[str] = field(default_factory=list)


def _built_in(source: str, *, text: str | None, pair: Pair | None) -> Source:
    if source == "dates":
        refuse_settings('"dates", which has pairs', text=text)
        locales = pair or dates.DEFAULT_PAIR
        return _BuiltIn(source, list(dates.SIZES), lambda split: dates.rows(split, pair=locales))
    if pair is not None or text not in (None, "text"):
        raise DataError(f'"{source}" is plain text.', hint='Its only column is "text".')
    return _BuiltIn(source, list(python_docs.SPLITS), python_docs.rows)


def _synthetic_task(source: str, *, pair: Pair | None, options: Mapping[str, Any]) -> Source:
    if pair != COLUMNS:
        raise DataError(
            f'"{source}" has prompts and completions.',
            hint='Write: task = "prompts", prompt = "prompt" and completion = "completion".',
        )

    def rows(split: str) -> list[Pair]:
        try:
            check_options(source, SYNTHETIC_TASKS[source], options)
            return SYNTHETIC_TASKS[source](split, **options)
        except ValueError as error:
            raise DataError(f"data.options: {error}.") from None

    return _BuiltIn(source, list(SIZES), rows)
