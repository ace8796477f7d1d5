"""The cache of compiled programs runs only whole programs that nobody else can have written."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from seqlstm.kernels import compiler, library_cache
from seqlstm.kernels.compiler import LONG, Kernel, compile_program
from seqlstm.recurrent.backends import BACKENDS, BackendError, Call, choose
from seqlstm.recurrent.backends.native import codegen
from seqlstm.recurrent.cells.gru import ResetAfterGRU
from seqlstm.recurrent.layer import Recurrent

pytestmark = pytest.mark.skipif(
    codegen.unavailable_reason() is not None, reason="nothing is compiled on this machine"
)

TEXT = "long answer(void) { return NUMBER; }"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The cache, not made yet; each warning is given once in a test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    library_cache.WARNED.clear()
    return tmp_path / "caches" / "seqlstm"


def answer(number: int, *, symbols: tuple[str, ...] = ("answer",)) -> int:
    macros = {"NUMBER": str(number), "REAL": "float"}
    library = compile_program("answer.c", {"answer.c": TEXT}, macros, symbols=symbols)
    result: int = library.answer()
    return result


def only(folder: Path) -> Path:
    (library,) = folder.iterdir()
    return library


def replaced_by_link(library: Path) -> None:
    library.rename(library.parent / "elsewhere")
    library.symlink_to("elsewhere")


def made_fifo(library: Path) -> None:
    library.unlink()
    os.mkfifo(library, 0o600)


def flipped(library: Path) -> None:
    contents = bytearray(library.read_bytes())
    contents[len(contents) // 2] ^= 1
    rewritten(library, bytes(contents))


def rewritten(library: Path, contents: bytes) -> None:
    """Another file of this name: the first one stays mapped."""
    library.unlink()
    library.write_bytes(contents)
    library.chmod(0o600)


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda path: rewritten(path, path.read_bytes()[:5000]), "is damaged"),
    "empty": (lambda path: rewritten(path, b""), "is damaged"),
    "flipped": (flipped, "is damaged"),
    "group": (lambda path: path.chmod(0o620), "can be written by other users"),
    "others": (lambda path: path.chmod(0o602), "can be written by other users"),
    "folder": (lambda path: path.parent.chmod(0o777), "to mend it: chmod go-w /"),
    "link": (replaced_by_link, "symbolic link"),
    "fifo": (made_fifo, "no regular file"),
    "directory": (lambda path: (path.unlink(), path.mkdir()), "no regular file|Is a directory"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_not_safe_is_not_loaded(
    folder: Path, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answer(1) == 1
    change, words = HARMS[harm]
    change(only(folder))
    loaded: list[str] = []
    real = library_cache.load_library
    monkeypatch.setattr(
        compiler, "load_library", lambda name, symbols: loaded.append(name) or real(name, symbols)
    )
    with pytest.warns(UserWarning, match=words) as caught:
        assert answer(1) == 1
    assert len(caught) == 1
    assert len(loaded) == 1  # from the folder of temporary files


@pytest.mark.parametrize("harm", ["truncated", "flipped", "group", "link", "fifo"])
def test_a_file_that_is_not_safe_is_replaced(folder: Path, harm: str) -> None:
    answer(1)
    (library,) = folder.iterdir()
    change, words = HARMS[harm]
    change(library)
    with pytest.warns(UserWarning, match=words):
        answer(1)
    assert not library.is_symlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert answer(1) == 1


def test_a_linked_folder_is_not_used(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.warns(UserWarning, match="symbolic link"):
        assert answer(1) == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_library_without_a_symbol_is_made_anew(folder: Path) -> None:
    answer(1)
    (library,) = folder.iterdir()
    macros = {"OTHER": "1", "REAL": "float"}
    compile_program("answer.c", {"answer.c": "long other(void) { return OTHER; }"}, macros)
    (other,) = set(folder.iterdir()) - {library}
    other.replace(library)  # whole, but another program
    with pytest.warns(UserWarning, match="has no answer"):
        assert answer(1) == 1
    assert answer(1) == 1
    with pytest.raises(OSError, match="has no question"):
        answer(1, symbols=("answer", "question"))


def test_a_kernel_without_a_symbol_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {name: compiler.read_source(name) for name in compiler.HEADERS}
    text = TEXT.replace("NUMBER", "1")
    monkeypatch.setattr(compiler, "read_source", {**sources, "answer.c": text}.__getitem__)
    for kernel in (
        Kernel("answer.c", {"question": ([], LONG)}, types=("REAL",)),
        Kernel("answer.c", {"answer": ([], LONG)}, types=("REAL",), variables=("size",)),
    ):
        library_cache.WARNED.clear()
        with pytest.warns(UserWarning, match=r"has no (question|size)") as caught:
            assert kernel.library(torch.float32) is None
        assert "slower code in PyTorch runs instead" in str(caught[-1].message)


def test_programs_loaded_through_one_descriptor_are_not_mistaken(folder: Path) -> None:
    numbers = range(20, 26)
    for number in numbers:
        answer(number)
    script = (
        "import os, sys; from tests.kernels.test_library_cache import answer\n"
        "seen, real = [], os.open\n"
        "from seqlstm.kernels import library_cache\n"
        "whole = library_cache.check_whole\n"
        "library_cache.check_whole = lambda fd, path: (seen.append(fd), whole(fd, path))\n"
        f"print([answer(n) for n in {[*numbers]}], len(seen), len(set(seen)))"
    )
    root = Path(__file__).parents[2]
    process = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    assert process.stdout.strip() == f"{[*numbers]} 6 1", process.stderr


def test_a_relative_cache_folder_is_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("caches", "./caches", "../x", "~/caches"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert library_cache.cache_folder() == tmp_path / ".cache" / "seqlstm"
    for value in ("", " "):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert library_cache.cache_folder() == tmp_path / ".cache" / "seqlstm"


def test_a_full_disk_is_done_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: str, target: str, **folders: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(library_cache.os, "replace", full)
    assert answer(1) == answer(1) == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("noexec", ["cache", "temporary", "both"])
def test_folders_from_which_nothing_can_be_mapped(
    folder: Path, monkeypatch: pytest.MonkeyPatch, noexec: str
) -> None:
    real = library_cache.ctypes.CDLL

    def mapped(name: str) -> object:
        kind = "cache" if name.startswith("/proc") else "temporary"
        if noexec in (kind, "both"):
            raise OSError(f"{name}: failed to map segment from shared object")
        return real(name)

    monkeypatch.setattr(library_cache.ctypes, "CDLL", mapped)
    if noexec == "both":
        with (
            pytest.warns(UserWarning, match=r"cannot be loaded.*failed to map segment"),
            pytest.raises(OSError, match="failed to map segment"),
        ):
            answer(1)
    else:
        assert answer(1) == 1
    if noexec == "cache":
        with pytest.warns(UserWarning, match="failed to map segment") as caught:
            assert answer(1) == answer(1) == 1
        assert len(caught) == 1
        assert "/proc" not in str(caught[0].message)


@pytest.fixture
def noexec(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that is mounted "noexec"."""
    mounted = tmp_path / "noexec"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "noexec,mode=700", "tmpfs", str(mounted)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting is not allowed")
    yield mounted
    subprocess.run(["umount", "-l", str(mounted)], check=True)


SCRIPT = """
import warnings
import torch
from seqlstm.recurrent.backends import BACKENDS, Call
from seqlstm.recurrent.cells.lstm import LSTM
print(BACKENDS["native"].unsupported_reason(LSTM(4, 4), Call()))
from seqlstm.kernels.topk import topk
print(topk(torch.tensor([[1.0, 3.0, 2.0]]), 2)[1].tolist())
"""


@pytest.mark.parametrize("variables", [("XDG_CACHE_HOME",), ("XDG_CACHE_HOME", "TMPDIR")])
def test_a_mounted_noexec_folder_twice(noexec: Path, variables: tuple[str, ...]) -> None:
    for _ in range(2):
        process = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            capture_output=True,
            text=True,
            env={**os.environ, **dict.fromkeys(variables, str(noexec))},
            cwd=Path(__file__).parents[2],
            check=True,
        )
        assert "Traceback" not in process.stderr
        reason, indices = process.stdout.splitlines()
        assert indices == "[[1, 2]]"
        assert ("failed to map segment" in reason) == ("TMPDIR" in variables)
        assert reason == "None" or reason.startswith("no C program could be compiled")


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("name", ["auto", "native"])
def test_a_program_that_fails_when_a_layer_runs(
    monkeypatch: pytest.MonkeyPatch, name: str, *, back: bool
) -> None:
    """Another backend does its work, at every step; a backend by name is an error at once."""

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    cell = ResetAfterGRU(3, 4)
    inputs, lengths = torch.randn(5, 2, 3), torch.tensor([5, 3])
    expected, _ = Recurrent(cell, backend="loop", reverse=back)(inputs, lengths=lengths)
    layer = Recurrent(cell, backend=name, reverse=back)
    assert choose(cell, Call(), name).backend is BACKENDS["native"]
    monkeypatch.setattr("seqlstm.recurrent.backends.native.backend.native", full)
    if name == "native":
        with pytest.raises(BackendError, match=r"native cannot serve: .*No space left"):
            layer(inputs, lengths=lengths)
    else:
        with pytest.warns(UserWarning, match="No space left on device; slower code runs instead"):
            outputs, _ = layer(inputs, lengths=lengths)
        for result in (outputs, layer(inputs, lengths=lengths)[0]):
            torch.testing.assert_close(result, expected)
    assert "No space left" in str(BACKENDS["native"].unsupported_reason(cell, Call()))


def test_two_processes_at_once(folder: Path) -> None:
    script = "from tests.kernels.test_library_cache import answer; assert answer(7) == 7"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    processes = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", script], cwd=root, env=environment)
        for _ in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    # The module's own check compiles another program.
    assert sorted(path.name.partition("-")[0] for path in folder.iterdir()) == [
        "answer",
        "recurrence",
    ]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
