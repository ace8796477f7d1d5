"""The whole command: version, help, and a real process with pipes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

import seqlstm
from seqlstm.cli.app import app
from tests.runs import answer, invoke, pairs_of, refusal, write_lines

COMMANDS = (
    *typer.main.get_command(app).commands,  # type: ignore[attr-defined]
    *("recipes show", "recipes copy", "tokenizer train", "tokenizer encode", "tokenizer decode"),
)


def process(*arguments: object, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run `python -m seqlstm` without variables that force colours."""
    forcing = {"FORCE_COLOR", "GITHUB_ACTIONS", "TTY_COMPATIBLE", "PY_COLORS"}
    return subprocess.run(
        [sys.executable, "-m", "seqlstm", *map(str, arguments)],
        input=text,
        capture_output=True,
        env={key: value for key, value in os.environ.items() if key not in forcing},
        check=False,
        timeout=120,
    )


def test_version() -> None:
    assert answer("--version") == f"seqlstm {seqlstm.__version__}\n"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_command(flag: str) -> None:
    text = answer(flag)
    assert all(command.split()[0] in text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    text = answer(*command.split(), "-h")
    assert "Usage" in text
    assert command in text


def test_no_command_prints_the_help() -> None:
    assert "Usage" in invoke().output


@pytest.mark.parametrize("wrong", [["trian"], ["train"], ["translate", "x", "--beam-size", "0"]])
def test_a_wrong_command_line_is_exit_code_2(wrong: list[str]) -> None:
    assert refusal(*wrong)


class TestProcess:
    def test_its_output_has_no_colours(self, translator: Path, tmp_path: Path) -> None:
        lines = [line for line, _ in pairs_of("test")[:3]]
        file = write_lines(tmp_path / "lines.txt", lines)
        result = process("translate", translator, file, "--scores")
        assert result.returncode == 0, result.stderr
        assert result.stdout.decode() == answer("translate", translator, file, "--scores")
        assert result.stderr == b""

    def test_a_mistake_is_one_plain_line_and_exit_code_2(self, translator: Path) -> None:
        result = process("translate", translator, text=b"fine\nnot \xff fine\n")
        assert result.returncode == 2
        assert result.stderr.decode() == (
            "Data error: standard input, line 2: not UTF-8 (byte 0xff).\n"
            "Convert the file, for example with: iconv -f LATIN1 -t UTF-8\n"
        )
        assert b"\x1b" not in result.stdout + result.stderr

    def test_a_closed_pipe_ends_it_quietly(self, translator: Path, tmp_path: Path) -> None:
        file = write_lines(tmp_path / "many.txt", ["A woman paints the house today."] * 5000)
        with subprocess.Popen(
            [sys.executable, "-m", "seqlstm", "translate", translator, file, "--beam-size", "1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            assert running.stdout.readline()
            running.stdout.close()
            assert running.stderr.read() == b""
            assert running.wait(timeout=120) == 0
