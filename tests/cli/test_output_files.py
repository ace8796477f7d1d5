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
    with pytest.raises(ArgumentError, match=r"kept.txt exists\nUse another name\.$"):
        prepare_output(file, overwrite=False, hint="Use another name.")
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

    def refuse(path: Path, hint: str) -> None:
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


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("info", "--plot"),
        ("inspect", "--plot"),
        ("evaluate", "--output"),
        ("compare", "--output"),
        ("translate", "--output"),
    ],
)
def test_overwrite_needs_a_file(language_model: Path, command: str, option: str) -> None:
    error = refusal(command, language_model, "--overwrite", text="text\n")
    assert f"--overwrite cannot take effect without {option}" in error


def test_every_file_of_a_comparison_is_checked_beforehand(
    translator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(*_: object, **__: object) -> None:
        raise AssertionError("nothing is translated before")

    monkeypatch.setattr("seqlstm.recipe.compare.compare", compare)
    (tmp_path / "kept").mkdir()
    long = tmp_path / ("x" * 250)
    for folder in ("new", "kept"):
        output = tmp_path / folder
        error = refusal("compare", translator, long, "--output", output)
        assert f"2-{long.name}.txt cannot be written: File name too long" in error
        assert output.exists() == (folder == "kept")
    assert not list((tmp_path / "kept").iterdir())


def test_translations_go_to_a_stream(translator: Path, tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "lines.txt", ["The child sees the house."])
    expected = answer("translate", translator, lines)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert answer("translate", translator, lines, "-o", pipe) == ""
    assert os.read(reader, 10_000).decode() == expected
    os.close(reader)
    assert pipe.is_fifo()


def test_overwrite_replaces(file: Path) -> None:
    answer("recipes", "copy", "dates-en-de", file, "--overwrite")
    assert "precious" not in file.read_text()
