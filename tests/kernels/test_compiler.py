"""A C program is compiled once for a machine, and again when any of its inputs differs."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlstm.kernels import compiler, library_cache
from seqlstm.kernels.compiler import LONG, Kernel, compile_program
from seqlstm.recurrent.backends.native import codegen

pytestmark = pytest.mark.skipif(
    codegen.unavailable_reason() is not None, reason="nothing is compiled on this machine"
)

TEXT = "int answer(void) { return NUMBER; }"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The compiler's command lines; the cache is in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    library_cache.WARNED.clear()
    commands: list[list[str]] = []
    real = subprocess.run

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        return real(command, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(compiler.subprocess, "run", run)
    return commands


def answer(number: int, text: str = TEXT) -> int:
    macros = {"NUMBER": str(number), "REAL": "float"}
    result: int = compile_program("answer.c", {"answer.c": text}, macros).answer()
    return result


def cached(folder: Path) -> list[Path]:
    return sorted((folder / "caches" / "seqlstm").iterdir())


def test_a_cached_program_is_not_compiled_again(runs: list[list[str]], tmp_path: Path) -> None:
    assert answer(42) == answer(42) == 42
    assert len(runs) == 1
    assert [path.suffix for path in cached(tmp_path)] == [".so"]


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "-DMORE")),
        lambda patch: patch.setattr(compiler, "processor", lambda: "another"),
        lambda patch: patch.setattr(compiler, "HEADERS", ("scalar_math.h",)),
    ],
    ids=["flags", "processor", "headers"],
)
def test_other_inputs_are_compiled_again(
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


def test_a_damaged_library_is_compiled_again(runs: list[list[str]], tmp_path: Path) -> None:
    with pytest.raises(OSError, match="error"):
        answer(3, "this is no C")
    folder = tmp_path / "caches" / "seqlstm"
    assert not folder.exists()
    path = compiler.cache_path("/bin/sh", "answer.c", [], {})
    assert path is not None
    assert path.parent == folder
    answer(3)
    (library,) = cached(tmp_path)
    library.unlink()
    library.write_bytes(b"no library")
    library.chmod(0o600)
    with pytest.warns(UserWarning, match="answer.*is damaged"):
        assert answer(3) == 3
    assert len(runs) == 3
    ctypes.CDLL(str(library))  # mended


def test_libraries_of_other_users_are_not_loaded(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer(3)
    monkeypatch.setattr(library_cache.os, "geteuid", lambda: -1)
    with pytest.warns(UserWarning, match="belongs to another user"):
        assert answer(3) == 3
    assert len(runs) == 2


def test_a_read_only_cache_is_read(runs: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    answer(5)

    def forbidden(descriptor: int) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(library_cache.os, "utime", forbidden)
    assert answer(5) == 5
    assert len(runs) == 1


def test_the_least_recently_used_is_deleted(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(library_cache, "MAX_CACHED", 2)
    for number in (1, 2):
        answer(number)
        for path in cached(tmp_path):  # as if it were long ago
            os.utime(path, (number, path.stat().st_mtime - 100))
    answer(1)
    answer(3)
    assert len(cached(tmp_path)) == 2
    answer(1)
    assert len(runs) == 3
    answer(2)
    assert len(runs) == 4


def test_without_a_cache_it_is_compiled_each_time(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "caches").write_text("a file where a folder should be")
    with pytest.warns(UserWarning, match="Not a directory") as caught:
        assert answer(4) == answer(4) == 4
    assert len(caught) == 1
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as of a user without a home
    assert answer(4) == 4
    assert len(runs) == 3


NUMBER_TYPE = "long answer(void) { return sizeof(NUMBER); }"


def kernel_of(text: str, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    sources = {name: compiler.read_source(name) for name in compiler.HEADERS}
    monkeypatch.setattr(compiler, "read_source", {**sources, "answer.c": text}.__getitem__)
    return Kernel("answer.c", {"answer": ([], LONG)}, types=("NUMBER", "REAL"))


def test_a_kernel_is_compiled_once_for_each_combination_of_types(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = kernel_of(NUMBER_TYPE, monkeypatch)
    assert runs == []
    for number, size in ((torch.float32, 4), (torch.float64, 8), (torch.float32, 4)):
        library = kernel.library(number, torch.float32)
        assert library is not None
        assert library.answer.restype is LONG
        assert library.answer() == size
    assert kernel.library(torch.float32, torch.float32) is kernel.library(*[torch.float32] * 2)
    assert len(runs) == 2


def test_a_kernel_that_cannot_be_compiled(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Kernel("no such file.c", {}).library() is None
    kernel = kernel_of(NUMBER_TYPE, monkeypatch)
    assert kernel.library(torch.float16, torch.float32) is None
    assert kernel_of("this is no C", monkeypatch).library(*[torch.float32] * 2) is None
    monkeypatch.setattr(compiler, "unsupported_machine", lambda: "not measured here")
    assert kernel.library(torch.float32, torch.float32) is None
    assert len(runs) == 1
