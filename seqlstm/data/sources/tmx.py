"""TMX, the exchange format of translation memories: the text of its segments, by language.

The file is read in pieces by the standard library's expat. A document type that declares anything
is refused, so no entity can grow; one that only names its definition is not looked up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

from seqlstm.data.sources.plain_text import open_binary
from seqlstm.errors import DataError
from seqlstm.text.languages import matching, normal

CHUNK = 2**16  # bytes that are parsed at once
CODES = ("bpt", "ept", "it", "ph", "ut")  # elements with codes of another format, which are no text
Unit = dict[str, str]
"""A translation unit: the text of its segments by language."""


@dataclass(frozen=True)
class TmxFiles:
    """TMX files by split.

    Attributes:
        name: of the source, for messages.
        files: of each split.
        languages: the language of texts, or the two of pairs; "en" also reads "en-US".
        notes: what reading decided; lines to print.
        references: further languages, whose texts stand behind those of each pair.
    """

    name: str
    files: Mapping[str, Sequence[Path]]
    languages: Sequence[str]
    notes: list[str] = field(default_factory=list)
    references: Sequence[str] = ()

    @property
    def splits(self) -> list[str]:
        """The names of the splits."""
        return list(self.files)

    def rows(self, split: str) -> list[str] | list[tuple[str, str]]:
        """All texts or pairs of a split; units without one of the languages are left out.

        A missing reference is empty.

        Raises:
            DataError: a file is malformed, or has none of its units in the languages.
        """
        if not self.languages:
            raise DataError(f"{self.name}: a TMX file has text of several languages.", hint=_HINT)
        found = [row for file in self.files[split] for row in self._read(file)]
        return [row[0] for row in found] if len(self.languages) == 1 else found

    def _read(self, file: Path) -> list[Any]:
        parsed = _parse(file)
        units = parsed.units
        if parsed.alternatives:
            self.notes.append(
                f"{file}: {parsed.alternatives:,} second variants of a language in a unit not read"
            )
        wanted, width = (*self.languages, *self.references), len(self.languages)
        rows = [_select(unit, wanted, file, number) for number, unit in enumerate(units, 1)]
        incomplete = [number for number, row in enumerate(rows, 1) if None in row[:width]]
        complete = [row for row in rows if None not in row[:width]]
        if incomplete:
            which = ", ".join(map(str, incomplete[:3]))
            if not complete:
                listed = ", ".join(sorted({language for unit in units for language in unit}))
                languages = " and ".join(self.languages)
                raise DataError(
                    f"{file} has no unit in {languages}. Its languages: {listed or 'none'}.",
                    hint=_HINT,
                )
            self.notes.append(
                f"{file}: {len(incomplete):,} units without text in each language left out "
                f"(the first: {which})"
            )
        return [tuple([text or "" for text in row]) for row in complete]


_HINT = 'Name them: data.pair = ["en", "de"] (or data.text = "en").'


def languages_of(file: Path) -> tuple[list[str], str | None]:
    """The languages of a TMX file, sorted, and that of its header's `srclang`, if one of them.

    Raises:
        DataError: it cannot be read, is not TMX, or its document type declares something.
    """
    parser = _parse(file)
    languages = sorted({language for unit in parser.units for language in unit})
    source = matching(parser.source_language, languages)
    return languages, source[0] if len(source) == 1 else None


def _select(unit: Unit, languages: Sequence[str], file: Path, number: int) -> list[str | None]:
    row: list[str | None] = []
    for language in languages:
        matches = matching(language.rpartition(".")[2], unit)
        if len(matches) > 1:
            raise DataError(
                f"{file}, unit {number}: {language} is any of {', '.join(matches)}.",
                hint=f'Name the one to read in data.pair or data.text, such as "{matches[0]}".',
            )
        row.append(unit[matches[0]] if matches else None)
    return row


def _parse(file: Path) -> _UnitParser:
    parser = _UnitParser(file)
    try:
        with open_binary(file) as stream:
            while chunk := stream.read(CHUNK):
                parser.push(chunk)
            parser.push(b"", last=True)
    except expat.ExpatError as error:
        line, reason = error.lineno, expat.ErrorString(error.code)
        raise DataError(f"{file}, line {line}: not well-formed TMX ({reason}).") from None
    except (LookupError, ValueError) as error:  # an encoding that expat does not know
        raise DataError(
            f"{file} cannot be read: {error}.",
            hint="Save it as UTF-8, and name this encoding in its first line.",
        ) from None
    if not parser.is_tmx:
        raise DataError(f"{file} is XML, but not TMX: it has no element <tmx>.")
    return parser


class _UnitParser:
    """Collects the units of a TMX file, piece by piece.

    Attributes:
        units: of the file, in order; of several variants of a language the first.
        alternatives: number of the other variants.
        source_language: `srclang` of the header.
        is_tmx: whether the file has an element <tmx>.
    """

    def __init__(self, file: Path) -> None:
        self.units: list[Unit] = []
        self.alternatives = 0
        self.source_language = ""
        self.is_tmx = False
        self._file = file
        self._unit: Unit = {}
        self._spellings: dict[str, str] = {}  # of each language: the first
        self._language = ""
        self._text: list[str] | None = None  # of the segment that is being read
        self._codes = 0  # elements of `CODES` that are open
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._document_type
        self._parser.EntityDeclHandler = self._refuse_entity
        self._parser.SkippedEntityHandler = self._refuse_entity

    def push(self, chunk: bytes, *, last: bool = False) -> None:
        self._parser.Parse(chunk, last)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._codes += tag in CODES
        match tag:
            case "tmx":
                self.is_tmx = True
            case "header":
                self.source_language = attributes.get("srclang", "")
            case "tu":
                self._unit = {}
            case "tuv":
                self._language = attributes.get("xml:lang") or attributes.get("lang", "")
            case "seg":
                self._text = []

    def _end(self, tag: str) -> None:
        self._codes -= tag in CODES
        if tag == "seg" and self._text is not None:
            text, self._text = "".join(self._text), None
            language = self._spellings.setdefault(normal(self._language), self._language)
            self.alternatives += language in self._unit
            self._unit.setdefault(language, text)
        elif tag == "tu":
            self.units.append(self._unit)

    def _characters(self, text: str) -> None:
        if self._text is not None and not self._codes:
            self._text.append(text)

    def _document_type(self, _: str, __: str | None, ___: str | None, declares: int) -> None:
        if declares:
            self._refuse_entity()

    def _refuse_entity(self, *_: object) -> NoReturn:
        line = self._parser.CurrentLineNumber
        raise DataError(
            f"{self._file}, line {line}: the document declares or uses entities, which are not "
            "read.",
            hint="Replace them by their text and remove the declarations of <!DOCTYPE>.",
        )
