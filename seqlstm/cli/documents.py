"""Documents on the command line: which format, which options, where the result goes."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from seqlstm.cli.console import note, warn, write
from seqlstm.cli.decoding_options import TranslateLines
from seqlstm.cli.inputs import on_terminal, open_input
from seqlstm.cli.output_files import prepare_output, write_output
from seqlstm.documents.document import Document
from seqlstm.documents.formats import DocumentFormat, check_sources, format_of, read_document
from seqlstm.documents.recognition import LINES, document_format
from seqlstm.documents.translation import TranslatedDocument, translate_document
from seqlstm.errors import ArgumentError
from seqlstm.text.placeholders import MAX_PLACEHOLDERS

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-\w+)*")


@dataclass(frozen=True)
class DocumentOptions:
    """The options of `translate` for documents and files.

    Args:
        file: None for standard input.
        format: None for that of the file's name.
        output: None for standard output.
        overwrite: whether `output` may exist.
        retranslate: whether texts with a translation are translated again.
        target_lang: a language code for TMX; None for that of the recipe.
    """

    file: Path | None
    format: DocumentFormat | None
    output: Path | None
    overwrite: bool
    retranslate: bool
    target_lang: str | None

    @property
    def chosen(self) -> DocumentFormat:
        return self.format or format_of(self.file)

    @property
    def is_document(self) -> bool:
        return self.chosen != DocumentFormat.text

    def check(self, for_lines: Mapping[str, bool]) -> None:
        """Make sure that these options and others can be combined.

        Args:
            for_lines: options that are for lines only, and whether each is set.

        Raises:
            ArgumentError: an option cannot take effect, or the output exists.
        """
        without_targets = self.chosen in (DocumentFormat.text, DocumentFormat.srt)
        unusable = [name for name, used in for_lines.items() if used and self.is_document]
        if self.retranslate and without_targets:
            unusable.append("--retranslate")
        if self.target_lang and self.chosen != DocumentFormat.tmx:
            unusable.append("--target-lang")
        if unusable:
            what = f"documents ({self.chosen})" if self.is_document else "plain text"
            raise ArgumentError(
                f"{' and '.join(unusable)} cannot take effect on {what}",
                hint="--format text is for lines; --format po, tmx, xliff or srt for documents.",
            )
        if self.target_lang and not LANGUAGE.fullmatch(self.target_lang):
            raise ArgumentError(f"--target-lang {self.target_lang} is no language code such as de")
        if self.is_document and self.file is None and on_terminal():
            raise ArgumentError(f"--format {self.chosen} needs a file or a pipe, not a terminal")
        if self.output:
            prepare_output(self.output, overwrite=self.overwrite, stream=True)

    def translate(self, run: Path, translate_lines: TranslateLines) -> None:
        """Translate the document and write it, whole or not at all.

        Args:
            run: the translator's run folder.
            translate_lines: as of `DecodingOptions.translate_function`.

        Raises:
            DataError: the document cannot be read.
            ArgumentError: its target language is not known.
        """
        with open_input(self.file) as (name, stream):
            data = stream.read()
        languages = languages_of(run)
        read = partial(
            read_document,
            name=name,
            format=self.chosen,
            source_lang=languages[0],
            target_lang=self.target_language(languages[1]),
        )
        document = read(data, retranslate=self.retranslate)
        warn_of(document, name, languages)
        with counted_as_written() as as_written:
            translated = translate_document(
                document, lambda lines: [best[0].text for best in translate_lines(lines, 0)]
            )
        check_sources(data, translated.data, self.chosen, read)
        write_document(self.output, translated.data)
        note(f"{name}: {summary(document, translated, sum(as_written))}")

    def target_language(self, language: str) -> str:
        """The language code of new texts, from the option or from the recipe's pair.

        Raises:
            ArgumentError: neither has one, and the format needs it.
        """
        if self.chosen == DocumentFormat.tmx and not (self.target_lang or language):
            raise ArgumentError(
                "a TMX file needs a target language, and the recipe's pair does not name one",
                hint="Name its code, for example: --target-lang de.",
            )
        return self.target_lang or language


class FormatWarning:
    """Warns once if lines that are translated as plain text look like a document.

    Args:
        name: of the file, for messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[str] = []
        self.is_open = True

    def see(self, lines: list[str]) -> None:
        """Look at the next lines, as long as they are at the start."""
        if not self.is_open:
            return
        self.lines += lines[: LINES - len(self.lines)]
        found = document_format(self.lines)
        if found:
            name, option = found
            hint = (
                f"with --format {option} its texts alone are translated, and all else is kept"
                if option
                else "extract its texts first"
            )
            warn(
                f"{self.name} looks like {name}, and is translated line by line, markup included: "
                f"{hint}. Where lines are meant: --format text."
            )
        self.is_open = not found and len(self.lines) < LINES


def languages_of(run: Path) -> tuple[str, str]:
    """The language codes in the recipe's pair of columns; empty where a column is not one."""
    from seqlstm.recipe.read import read_run_recipe
    from seqlstm.run.folder import RunFolder

    pair = read_run_recipe(RunFolder.open(run)).data.pair or ("", "")
    source, target = (column.rpartition(".")[2] for column in pair)
    return two_letters(source), two_letters(target)


def two_letters(code: str) -> str:
    """A language code, if its language has two letters; other words would be mistaken for one."""
    return code.replace("_", "-") if re.fullmatch(r"[A-Za-z]{2}(?:[-_]\w+)?", code) else ""


def warn_of(document: Document, name: str, languages: tuple[str, str]) -> None:
    """Warn of what the document lacks, and of languages other than the translator's."""
    for warning in document.warnings:
        warn(f"{name}: {warning}")
    sides = zip(("source", "target"), document.languages, languages, strict=True)
    for side, stated, trained in sides:
        stated = two_letters(stated)
        if stated and trained and stated[:2].lower() != trained[:2].lower():
            warn(f"{name} states the {side} language {stated}; the translator's is {trained}")


@contextmanager
def counted_as_written() -> Iterator[list[int]]:
    """Counts lines that are translated without placeholders, instead of warnings of their numbers.

    These lines are sentences and pieces: their numbers are not those of the document.
    """
    from seqlstm.inference.placeholders import PlaceholderWarning

    counts: list[int] = []
    show_other = warnings.showwarning

    def show(message: Warning | str, *args: Any, **options: Any) -> None:
        if isinstance(message, PlaceholderWarning):
            counts.append(message.count)
        else:
            show_other(message, *args, **options)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield counts


def summary(document: Document, translated: TranslatedDocument, as_written: int) -> str:
    """What was translated, kept, cut into pieces and translated without placeholders."""
    parts = [counted(len(document.segments), "text") + " translated", f"{document.kept} kept"]
    if translated.in_pieces:
        parts.append(
            f"{translated.in_pieces} in pieces, since tags or format strings did not survive"
        )
    if as_written:
        parts.append(
            f"{as_written} of their sentences and pieces without placeholders, since not each of "
            f"them came out exactly once, or there are more than {MAX_PLACEHOLDERS}"
        )
    if translated.left:
        parts.append(f"{translated.left} left as they are, since tags appeared in them")
    return "; ".join(parts)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def write_document(file: Path | None, data: bytes) -> None:
    """Write a document to a file, or to standard output."""
    if file:
        write_output(file, data)
    elif sys.stdout.isatty():
        write(data.decode("utf-8", "replace"), end="")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
