"""Lines that are not UTF-8 or not pairs: all results before them, and those after on request."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from seqlstm.cli.inputs import available_lines, in_groups, line_groups, lines_of
from seqlstm.errors import DataError
from tests.runs import answer, invoke, pairs_of

LINES = [line for line, _ in pairs_of("test")[:5]]
GOOD = "".join(f"{line}\n" for line in LINES).encode()
BAD = GOOD + b"not \xff fine\n" + GOOD
COMMANDS = {
    "translate": ["translate"],
    "score": ["score"],
    "score --stream": ["score", "--stream"],
    "tokenizer encode": ["tokenizer", "encode"],
}


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest, translator: Path, language_model: Path) -> list[object]:
    """A command that answers line by line, with its run or model."""
    name, *options = COMMANDS[request.param]
    if name == "tokenizer":
        return [name, *options, translator / "tokenizer.model"]
    return [name, translator if name == "translate" else language_model, *options]


@pytest.mark.parametrize("from_file", [True, False], ids=["file", "pipe"])
def test_all_lines_before_a_bad_one_are_answered(
    command: list[object], from_file: bool, tmp_path: Path
) -> None:
    (tmp_path / "bad.txt").write_bytes(BAD)
    where = [tmp_path / "bad.txt"] if from_file else []
    result = invoke(*command, *where, text=b"" if from_file else BAD)
    assert result.exit_code == 2
    assert "line 6: not UTF-8 (byte 0xff)" in result.stderr
    assert result.stdout == answer(*command, text=GOOD)


def test_replace_goes_on_after_a_bad_line(command: list[object]) -> None:
    replaced = BAD.replace(b"\xff", "\ufffd".encode())
    assert answer(*command, "--errors", "replace", text=BAD) == answer(*command, text=replaced)


def test_a_prompt_with_replaced_bytes(language_model: Path) -> None:
    options = ["generate", language_model, "--seed", 1, "--max-new-tokens", 5]
    assert invoke(*options, text=b"The \xff child").exit_code == 2
    replaced = answer(*options, "--errors", "replace", text=b"The \xff child")
    assert replaced == answer(*options, "The \ufffd child")


class TestPairs:
    """`score` of a translator, with a line without a tab among pairs."""

    TEXT = "".join(f"{source}\t{target}\n" for source, target in pairs_of("test")[:3])

    def test_strict(self, translator: Path) -> None:
        result = invoke("score", translator, text=f"{self.TEXT}no tab\n{self.TEXT}")
        assert result.exit_code == 2
        assert "line 4 must have 2 columns, separated by a tab, has 1" in result.stderr
        assert result.stdout == answer("score", translator, text=self.TEXT)

    def test_replace(self, translator: Path) -> None:
        text = f"no tab\n{self.TEXT}a\tb\tc\n"
        result = invoke("score", translator, "--tokens", "--errors", "replace", text=text)
        assert result.exit_code == 0
        scored = answer("score", translator, "--tokens", text=self.TEXT)
        assert result.stdout == f"nan\tnan\tnan\tno tab\n{scored}nan\tnan\tnan\ta\tb\tc\n"
        assert "line 1 has no score: it has 1 columns, not 2" in result.stderr
        assert "line 5 has no score: it has 3 columns, not 2" in result.stderr

    def test_nothing_to_score(self, translator: Path) -> None:
        text = answer("score", translator, "--errors", "replace", text="no tab\n")
        assert text == "nan\tnan\tnan\tno tab\n"


def test_a_group_before_an_error_is_complete() -> None:
    def items() -> list[int]:
        raise DataError("wrong")

    groups = in_groups((number if number < 5 else items() for number in range(9)), 3)
    assert [next(groups), next(groups)] == [[0, 1, 2], [3, 4]]
    with pytest.raises(DataError, match="wrong"):
        next(groups)


def test_available_lines_before_a_bad_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\nc\n\xff\nd\n")))
    groups = available_lines(2)
    assert [next(groups), next(groups)] == [["a", "b"], ["c"]]
    with pytest.raises(DataError, match="standard input, line 4"):
        next(groups)


def test_a_named_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    """As with `translate RUN <(program)`: no line waits for those after it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    opened: list[io.BufferedWriter] = []
    opener = threading.Thread(target=lambda: opened.append(pipe.open("wb")))
    opener.start()
    groups = line_groups(pipe, from_file=100, from_pipe=100)
    received: list[list[str]] = []
    reader = threading.Thread(target=lambda: received.append(next(groups)))
    reader.start()
    opener.join(60)
    opened[0].write(b"one\n")
    opened[0].flush()
    reader.join(60)
    assert received == [["one"]]
    opened[0].write(b"two")
    opened[0].close()
    assert list(groups) == [["two"]]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".", "cannot be read: Is a directory"),
        ("/dev/zero", "is a device, not a text"),
        ("x" * 300, "cannot be read: File name too long"),
        ("missing", "cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_text_file(name: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        next(lines_of(Path(name)))
    with pytest.raises(DataError, match=reason):
        next(line_groups(Path(name), from_file=1, from_pipe=1))


def test_the_null_device_is_an_empty_text() -> None:
    assert list(lines_of(Path(os.devnull))) == []
