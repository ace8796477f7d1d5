"""10,000 hostile lines through every command: a result for each, from files and pipes alike."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.soak.commands import Commands
from tests.soak.hostile import hostile_lines

COUNT = 10_000


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return list(hostile_lines(COUNT))


@pytest.fixture(scope="module")
def file(lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "lines.txt"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return path


def results(commands: Commands, *arguments: object, text: bytes | Path = b"") -> list[str]:
    """The output lines of a command that must succeed; only "\\n" ends a line."""
    ended = commands.run(*arguments, text=text)
    assert ended.code == 0, ended.err.decode()
    assert b"Traceback" not in ended.err
    return ended.out.decode().split("\n")[:-1]


def test_translate(commands: Commands, translator: Path, file: Path, lines: list[str]) -> None:
    options = ("--beam-size", 1, "--max-length", 12)
    from_file = results(commands, "translate", translator, file, *options)
    assert len(from_file) == COUNT
    assert [line for line, out in zip(lines, from_file, strict=True) if not line and out] == []
    assert results(commands, "translate", translator, *options, text=file) == from_file


def test_score(commands: Commands, language_model: Path, file: Path, lines: list[str]) -> None:
    rows = [row.split("\t", 3) for row in results(commands, "score", language_model, file)]
    assert [row[3] for row in rows] == lines
    assert all(float(row[0]) <= 0 for row in rows)


def test_score_stream(commands: Commands, language_model: Path, file: Path) -> None:
    options = ("score", language_model, "--stream")
    from_file = results(commands, *options, file)
    assert len(from_file) == COUNT
    assert results(commands, *options, text=file) == from_file


def test_score_pairs(
    commands: Commands, translator: Path, lines: list[str], tmp_path: Path
) -> None:
    sides = [line.replace("\t", " ") for line in lines]
    pairs = [f"{source}\t{target}" for source, target in pairwise(sides)]
    file = tmp_path / "pairs.tsv"
    file.write_bytes("".join(f"{pair}\n" for pair in pairs[:2000]).encode())
    rows = results(commands, "score", translator, file)
    assert [row.split("\t", 3)[3] for row in rows] == pairs[:2000]


def test_tokenizer(commands: Commands, language_model: Path, file: Path, tmp_path: Path) -> None:
    model = language_model / "tokenizer.model"
    ids = commands.run("tokenizer", "encode", model, file)
    assert ids.code == 0
    encoded = tmp_path / "ids.txt"
    encoded.write_bytes(ids.out)
    decoded = commands.run("tokenizer", "decode", model, encoded)
    assert decoded.out == file.read_bytes()


def test_generate(commands: Commands, language_model: Path, lines: list[str]) -> None:
    for start in range(0, COUNT, 100):
        prompt = "\n".join(lines[start : start + 100])
        options = ("--max-new-tokens", 3, "--seed", 1)
        ended = commands.run("generate", language_model, *options, text=prompt.encode())
        # A prompt that begins with zero bytes is refused.
        assert ended.code == 0 or b"is binary" in ended.err, ended.err.decode()
        assert b"Traceback" not in ended.err


def test_inspect(
    commands: Commands, language_model: Path, lines: list[str], tmp_path: Path
) -> None:
    for start in range(0, COUNT, 500):
        file = tmp_path / f"{start}.txt"  # short: it computes step by step
        file.write_bytes("\n".join(lines[start : start + 20]).encode())
        ended = commands.run("inspect", language_model, "--file", file)
        assert ended.code == 0, ended.err.decode()


def test_evaluate(commands: Commands, translator: Path, lines: list[str], tmp_path: Path) -> None:
    for side, rows in (("en", lines[:2000]), ("de", lines[2000:4000])):
        text = "".join(f"{row}\n" for row in rows)
        (tmp_path / f"test.{side}").write_bytes(text.encode())
    source = f'{{test = ["{tmp_path}/test.en", "{tmp_path}/test.de"]}}'
    ended = commands.run("evaluate", translator, "--source", source, "--beam-size", 1)
    assert ended.code == 0, ended.err.decode()
