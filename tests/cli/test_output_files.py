"""Files that commands write are never replaced without consent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seqlstm.cli import output_files
from seqlstm.cli.output_files import prepare_output, write_output
from seqlstm.errors import ArgumentError, FileError
from tests.runs import answer, refusal, write_lines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "kept.txt", ["precious"])


def test_a_new_file_is_not_left_behind(tmp_path: Path) -> None:
    prepare_output(tmp_path / "new", overwrite=False)
    assert not (tmp_path / "new").exists()


def test_a_dangling_link_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    prepare_output(tmp_path / "link", overwrite=False)
    assert (tmp_path / "link").is_symlink()
    assert not (tmp_path / "target").exists()


def test_an_existing_file_needs_overwrite(file: Path) -> None:
    with pytest.raises(ArgumentError, match=r"kept.txt exists\n.*--overwrite"):
        prepare_output(file, overwrite=False)
    prepare_output(file, overwrite=True)
    assert file.read_text() == "precious\n"


@pytest.mark.parametrize(("typed", "replaced"), [("y", True), ("yes", True), ("", False), ("n", 0)])
def test_a_terminal_asks(
    file: Path, typed: str, replaced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda: typed)
    if replaced:
        prepare_output(file, overwrite=False)
    else:
        with pytest.raises(ArgumentError, match="exists"):
            prepare_output(file, overwrite=False)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x" * 300, "File name too long"),
        ("no/where", "No such file or directory"),
        (".", "is a folder"),
        ("zero\0byte", "null byte"),
        ("kept.txt/x", "Not a directory"),
    ],
)
def test_what_cannot_be_written(file: Path, name: str, reason: str) -> None:
    with pytest.raises(ArgumentError, match=reason):
        prepare_output(file.parent / name, overwrite=True)


def test_a_pipe_serves_for_text_only(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    prepare_output(tmp_path / "pipe", overwrite=False, stream=True)
    with pytest.raises(ArgumentError, match="not a regular file"):
        prepare_output(tmp_path / "pipe", overwrite=True)


def test_a_full_disk_names_the_file() -> None:
    with pytest.raises(FileError, match="/dev/full could not be written: No space left on device"):
        write_output(Path("/dev/full"), "text")


def test_every_command_asks_first(
    translator: Path, language_model: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An existing file, or the file of a comparison, stays as it is."""
    asked: list[Path] = []

    def refuse(path: Path) -> None:
        asked.append(path)
        raise ArgumentError(f"{path} exists")

    monkeypatch.setattr(output_files, "ask_to_replace", refuse)
    compared = write_lines(file.parent / f"2-{translator.name}.txt", ["precious"])
    commands: list[list[object]] = [
        ["tokenizer", "train", translator.parent / "train.en", "-o", file],
        ["evaluate", translator, "--output", file],
        ["translate", translator, file, "--attention", file],
        ["inspect", language_model, "text", "--plot", file],
        ["info", translator, "--plot", file],
        ["recipes", "copy", "dates-en-de", file],
    ]
    for command in commands:
        assert "exists" in refusal(*command)
    assert asked == [file] * len(commands)
    assert "exists" in refusal("compare", translator, translator, "--output", file.parent)
    assert asked[-1] == compared
    assert file.read_text() == compared.read_text() == "precious\n"


def test_overwrite_replaces(file: Path) -> None:
    answer("recipes", "copy", "dates-en-de", file, "--overwrite")
    assert "precious" not in file.read_text()
