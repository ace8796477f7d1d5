"""A C program is compiled once for a machine, and anew when anything about it differs."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlstm.kernels import compiler
from seqlstm.kernels.compiler import compile_program, optional_program
from seqlstm.recurrent.backends.native import codegen

pytestmark = pytest.mark.skipif(
    codegen.unavailable_reason() is not None, reason="nothing is compiled on this machine"
)

TEXT = "int answer(void) { return NUMBER; }"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The commands that were run; what is kept is kept apart from the user's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    commands: list[list[str]] = []
    real = subprocess.run

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        return real(command, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(compiler.subprocess, "run", run)
    return commands


def answer(number: int, text: str = TEXT) -> int:
    defined = {"NUMBER": str(number), "REAL": "float"}
    found: int = compile_program("answer.c", {"answer.c": text}, defined).answer()
    return found


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "caches" / "seqlstm").iterdir())


def test_a_second_time_nothing_is_compiled(runs: list[list[str]], tmp_path: Path) -> None:
    assert answer(42) == answer(42) == 42
    assert len(runs) == 1
    assert [path.suffix for path in kept(tmp_path)] == [".so"]


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "-DMORE")),
        lambda patch: patch.setattr(compiler, "processor", lambda: "another"),
        lambda patch: patch.setattr(compiler, "HEADERS", {"scalar_math.h": ""}),
    ],
    ids=["flags", "processor", "headers"],
)
def test_whatever_differs_is_compiled_anew(
    runs: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[pytest.MonkeyPatch], None],
) -> None:
    answer(1)
    change(monkeypatch)
    assert answer(1) == 1
    assert len(runs) == 2


def test_another_text_and_another_macro_are_other_programs(runs: list[list[str]]) -> None:
    assert [answer(1), answer(2), answer(2, TEXT.replace("NUMBER", "NUMBER + 5"))] == [1, 2, 7]
    assert len(runs) == 3


def test_what_is_damaged_is_compiled_anew(runs: list[list[str]], tmp_path: Path) -> None:
    with pytest.raises(OSError, match="error"):
        answer(3, "this is no C")
    folder = tmp_path / "caches" / "seqlstm"
    assert not folder.exists()
    place = compiler.library_place("/bin/sh", "answer.c", [], {})
    assert place is not None
    assert place.parent == folder
    answer(3)
    (library,) = kept(tmp_path)
    library.unlink()
    library.write_bytes(b"no library")
    assert answer(3) == 3
    assert len(runs) == 3
    ctypes.CDLL(str(library))  # mended


def test_what_is_not_this_users_is_left_alone(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer(3)
    monkeypatch.setattr(compiler.os, "getuid", lambda: -1)
    assert answer(3) == 3
    assert len(runs) == 2

    def forbidden(path: Path) -> None:
        raise PermissionError(f"not yours: {path}")

    monkeypatch.setattr(compiler, "load_own", forbidden)
    assert answer(3) == 3
    assert len(runs) == 3


def test_what_may_not_be_written_to_is_read(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(5)

    def forbidden(path: Path) -> None:
        raise PermissionError(f"read-only: {path}")

    monkeypatch.setattr(compiler.Path, "touch", forbidden)
    assert answer(5) == 5
    assert len(runs) == 1


def test_what_was_not_used_for_longest_makes_room(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(compiler, "MOST_KEPT", 2)
    for number in (1, 2):
        answer(number)
        for path in kept(tmp_path):  # as if it were long ago
            os.utime(path, (number, path.stat().st_mtime - 100))
    answer(1)
    answer(3)
    assert len(kept(tmp_path)) == 2
    answer(1)
    assert len(runs) == 3
    answer(2)
    assert len(runs) == 4


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "caches").write_text("a file where a folder should be")
    assert answer(4) == answer(4) == 4

    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(compiler.Path, "home", nobody)
    assert answer(4) == 4
    assert len(runs) == 3


def test_a_program_that_may_be_missing(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = optional_program("answer.c", TEXT, {"NUMBER": "6", "REAL": "float"})
    assert found is not None
    assert found.answer() == 6
    assert optional_program("answer.c", "this is no C", {"REAL": "float"}) is None
    monkeypatch.setattr(compiler, "unsupported_machine", lambda: "not measured here")
    assert optional_program("answer.c", TEXT, {"NUMBER": "6", "REAL": "float"}) is None
