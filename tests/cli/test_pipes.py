"""Commands with pipes and on a long file: order, buffering, line ends."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import seqlstm
from seqlstm.cli import inputs
from seqlstm.cli.inputs import available_lines, prompts
from seqlstm.inference.translator import LoadedTranslator
from tests.runs import answer, pairs_of, write_lines

LINES = [line for line, _ in pairs_of("test")]


@contextmanager
def piped(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process of a command with pipes; killed after five minutes."""
    command = [sys.executable, "-m", "seqlstm", *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen(command, encoding="utf-8", **pipes) as process:  # type: ignore[call-overload]
        timeout = threading.Timer(300, process.kill)
        timeout.start()
        try:
            yield process
        finally:
            timeout.cancel()
            process.kill()


def test_a_pipe_translates_each_line_at_once(translator: Path) -> None:
    expected = answer("translate", translator, text="\n".join(LINES[:3])).splitlines()
    with piped("translate", translator) as process:
        assert process.stdin
        assert process.stdout
        for line, translation in zip(LINES[:3], expected, strict=True):
            process.stdin.write(f"{line}\n")
            assert process.stdout.readline() == f"{translation}\n"
        process.stdin.write(f"{LINES[0]}\n{LINES[1]}\n{LINES[2]}")  # no end of line at the end
        process.stdin.close()
        assert process.stdout.read().splitlines() == expected
        assert process.wait() == 0


@pytest.mark.parametrize("command", ["encode", "decode", "score"])
def test_every_command_of_lines_answers_a_line_before_the_next(
    language_model: Path, command: str
) -> None:
    arguments: list[object] = ["tokenizer", command, language_model / "tokenizer.model"]
    if command == "score":
        arguments = [command, language_model, "--batch", 1]
    lines = ["7 8 9", "9 8"]
    expected = answer(*arguments, text="\n".join(lines)).splitlines()
    with piped(*arguments) as process:
        assert process.stdin
        assert process.stdout
        for line, result in zip(lines, expected, strict=True):
            process.stdin.write(f"{line}\n")
            assert process.stdout.readline() == f"{result}\n"


def test_translations_of_a_long_file_are_in_order(
    translator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines are sorted by length for translation, and put back in order."""
    generator = random.Random(1)
    lines = [
        " ".join(generator.choice(LINES).split()[: generator.randint(0, 6)]) for _ in range(150)
    ]
    loaded = seqlstm.load(translator, device="cpu")
    assert isinstance(loaded, LoadedTranslator)
    expected = [loaded.translate([line])[0] for line in lines]
    groups: list[int] = []
    translations = LoadedTranslator.translations

    def counted(self: LoadedTranslator, group: list[str], **options: object) -> object:
        groups.append(len(group))
        return translations(self, group, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(LoadedTranslator, "translations", counted)
    file = write_lines(tmp_path / "lines.txt", lines)
    assert answer("translate", translator, file, "--batch", 3).splitlines() == expected
    assert groups == [60, 60, 30]
    groups.clear()
    assert answer("translate", translator, text=file.read_bytes()).splitlines() == expected
    assert groups == [64, 64, 22]


def test_available_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reader(io.BytesIO):
        """Returns these parts, whatever the size."""

        parts = iter(
            [b"one\r\ntwo\nth", b"re", b"e\nfour\nfive\nsix\n", b"\n\nna", b"\xc3", b"\xaf"]
        )

        def read1(self, size: int | None = -1, /) -> bytes:
            return next(self.parts, b"")

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Reader()))
    expected = [["one", "two"], ["three", "four", "five"], ["six"], ["", ""], ["naï"]]
    assert list(available_lines(3)) == expected


def test_ctrl_c_discards_a_line_and_ctrl_d_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed = iter(["one", KeyboardInterrupt(), "two", EOFError(), "never"])

    def typed_line(label: str) -> str:
        if isinstance(line := next(typed), BaseException):
            raise line
        return line

    monkeypatch.setattr(inputs, "plain", typed_line)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert list(prompts(">")) == ["one", "two"]
