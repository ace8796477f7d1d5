"""Atomic writes, weights and checkpoints; damaged and foreign files."""

from __future__ import annotations

import errno
import os
import pickle
import stat
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from seqlstm.errors import FileError, RunError
from seqlstm.runtime.files import (
    load_checkpoint,
    load_weights,
    remove_temporary_files,
    replace_files,
    save_checkpoint,
    save_weights,
    write_atomically,
)
from seqlstm.training.random_state import generator_states, restore_generators

CONTENTS: dict[str, Any] = {
    "state": ((torch.ones(2, 3), torch.zeros(2)), (torch.full((2,), 0.1),)),
    "half": torch.tensor([1.5], dtype=torch.bfloat16),
    "progress": {"step": 3, "best": None, "seconds": 1.25},
}
CPU = torch.device("cpu")
WEIGHTS = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([0.1])}

each_format = pytest.mark.parametrize(
    ("name", "load"), [("checkpoint.pt", load_checkpoint), ("best.safetensors", load_weights)]
)
Load = Callable[[Path], Any]


def write(folder: Path, name: str) -> Path:
    path = folder / name
    if name.endswith(".pt"):
        save_checkpoint(path, CONTENTS)
    else:
        save_weights(path, WEIGHTS, "step 3")
    return path


def fail(*arguments: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupt(*arguments: Any) -> None:
    raise KeyboardInterrupt


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.open"])
def test_a_full_disk_leaves_the_old_file(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        with pytest.raises(FileError, match=r"file could not be written: No space left"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "checkpoint.pt")
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            save_checkpoint(path, {"other": 1})
    assert path.read_bytes() == before
    save_checkpoint(path, {"other": 1})
    assert load_checkpoint(path) == {"other": 1}
    assert os.listdir(tmp_path) == ["checkpoint.pt"]


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="could not be written: No such file"):
        write_atomically(tmp_path / "none" / "file", b"new")


def test_a_checkpoint_round_trips(tmp_path: Path) -> None:
    contents = load_checkpoint(write(tmp_path, "checkpoint.pt"))
    torch.testing.assert_close(contents, CONTENTS, rtol=0, atol=0)
    assert isinstance(contents["state"], tuple)


def test_weights_round_trip(tmp_path: Path) -> None:
    weights, metadata = load_weights(write(tmp_path, "best.safetensors"))
    assert metadata["seqlstm"].startswith("step 3, sha256:")
    assert weights.keys() == WEIGHTS.keys()
    assert all(torch.equal(weights[name], WEIGHTS[name]) for name in WEIGHTS)


def test_equal_weights_are_equal_bytes(tmp_path: Path) -> None:
    first = write(tmp_path, "one.safetensors").read_bytes()
    assert first == write(tmp_path, "other.safetensors").read_bytes()


@each_format
def test_a_missing_file(name: str, load: Load, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=f"{name} is missing"):
        load(tmp_path / name)


@each_format
@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 0.999])
def test_a_truncated_file(name: str, load: Load, share: float, tmp_path: Path) -> None:
    path = write(tmp_path, name)
    contents = path.read_bytes()
    path.write_bytes(contents[: int(share * len(contents))])
    with pytest.raises(RunError, match=f"{name} is damaged, or was not written by seqlstm"):
        load(path)


@each_format
def test_a_foreign_file(name: str, load: Load, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"seed = 1\n" * 50)
    with pytest.raises(RunError, match=f"{name} is damaged"):
        load(path)


class Harmful:
    """An object that runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return os.mkdir, ("harm",)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "checkpoint.pt"
    torch.save({"model": Harmful()}, path)
    with pytest.raises(RunError, match="damaged"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(Harmful(), protocol=2))
    with pytest.raises(RunError, match="damaged"):
        load_checkpoint(path)
    assert not (tmp_path / "harm").exists()


def test_generators_are_restored() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.rand(3)
        states = generator_states(CPU)
        expected = torch.rand(5)
        torch.manual_seed(99)
        restore_generators(states, CPU)
        assert torch.equal(torch.rand(5), expected)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "Make room."),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "may not write there"),
        (errno.EROFS, "read-only"),
        (errno.ENAMETOOLONG, "shorter name"),
        (errno.ENOENT, "Make the folder first"),
        (errno.EIO, None),
    ],
)
def test_the_advice_fits_the_error(
    code: int, advice: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(FileError) as caught:
        write_atomically(tmp_path / "file", b"new")
    assert os.strerror(code) in caught.value.message
    assert "--resume" not in str(caught.value)
    if advice is None:
        assert caught.value.hint is None
    else:
        assert advice in str(caught.value.hint)


def test_a_name_too_long(tmp_path: Path) -> None:
    longest = tmp_path / ("x" * 255)
    write_atomically(longest, b"new")  # although that of a temporary file is longer
    assert longest.read_bytes() == b"new"
    with pytest.raises(FileError, match="File name too long") as caught:
        write_atomically(tmp_path / ("x" * 256), b"new")
    assert caught.value.hint == "Give it a shorter name."


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_permissions_stay(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.open"])
def test_several_files_are_replaced_or_none(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {name: f"old {name}".encode() for name in "abc"}
    for name, contents in old.items():
        (tmp_path / name).write_bytes(contents)
    calls = iter(range(2))
    original = {"os.fsync": os.fsync, "pathlib.Path.open": Path.open}[step]

    def fail_at_last(*arguments: Any) -> Any:
        if next(calls):
            fail()
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(step, fail_at_last)
        with pytest.raises(OSError, match="No space left"):
            replace_files(tmp_path, {"a": b"new", "d": b"new"}, old="abc")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == old
    replace_files(tmp_path, {"a": b"new", "d": b"new"}, old="abc")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(
        "ad", b"new"
    )


@each_format
@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_no_memory_is_no_damage(
    name: str, load: Load, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    path = write(tmp_path, name)
    monkeypatch.setattr("torch.load", refuse)
    monkeypatch.setattr("safetensors.torch.load", refuse)
    with pytest.raises(type(error)) as caught:
        load(path)
    assert caught.value is error


@each_format
@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
def test_a_file_that_cannot_be_read_is_not_damaged(
    name: str, load: Load, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    path = write(tmp_path, name)
    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(RunError, match=f"{name} cannot be read: {os.strerror(code)}"):
        load(path)


def test_a_checkpoint_is_not_held_twice(tmp_path: Path) -> None:
    """Its bytes are never in memory as a whole, besides the tensors, which torch allocates."""
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"tensor": torch.zeros(4_000_000)})
    tracemalloc.start()
    contents = load_checkpoint(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert contents["tensor"].shape == (4_000_000,)
    assert peak < 4_000_000 < path.stat().st_size


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "file").write_bytes(b"old")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_is_written_to_and_not_replaced() -> None:
    write_atomically(Path("/dev/null"), b"new")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(FileError, match="No space left"):
        write_atomically(Path("/dev/full"), b"new")
    assert Path("/dev/full").is_char_device()


WRITE = """
import sys
from pathlib import Path
from seqlstm.runtime.files import write_atomically
path, letter = Path(sys.argv[1]), sys.argv[2].encode()
for _ in range(150):
    write_atomically(path, letter * 300_000)
"""


def test_two_writers_and_a_reader(tmp_path: Path) -> None:
    """They share no temporary file: each read sees the whole of one write."""
    path = tmp_path / "file"
    write_atomically(path, b"a" * 300_000)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(path), letter], stderr=subprocess.PIPE)
        for letter in "bc"
    ]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        data = path.read_bytes()
        assert len(data) == 300_000
        seen.add(bytes({data[0]}))
        assert data.count(data[:1]) == len(data)
    assert [writer.communicate()[1] for writer in writers] == [b"", b""]
    assert len(seen) > 1
    assert os.listdir(tmp_path) == ["file"]


@each_format
def test_each_flipped_bit_is_found(name: str, load: Load, tmp_path: Path) -> None:
    path = write(tmp_path, name)
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 300)):
        damaged = bytearray(whole)
        damaged[place] ^= 16
        path.write_bytes(damaged)
        with pytest.raises(RunError, match=f"{name} is damaged"):
            load(path)
    path.write_bytes(whole)
    load(path)


@each_format
def test_a_file_without_a_digest(name: str, load: Load, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.endswith(".pt"):
        torch.save(CONTENTS, path)
    else:
        safetensors.torch.save_file(WEIGHTS, path)
    with pytest.raises(RunError, match="it has no digest"):
        load(path)
    load(path, sealed=False)


def test_other_programs_read_the_files(tmp_path: Path) -> None:
    weights = safetensors.torch.load_file(write(tmp_path, "best.safetensors"))
    assert torch.equal(weights["a"], WEIGHTS["a"])
    checkpoint = write(tmp_path, "checkpoint.pt")
    assert torch.load(checkpoint, weights_only=True)["progress"] == CONTENTS["progress"]
    with zipfile.ZipFile(checkpoint) as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(b"sha256:")


def test_temporary_files_of_the_killed_are_removed(tmp_path: Path) -> None:
    ours = [f"run.json.1-{'0' * 16}.tmp", "run.json.tmp"]
    others = ["run.json", f"thesis.tex.1-{'0' * 16}.tmp", "run.json.1-xyz.tmp", "run.json.old"]
    for name in ours + others:
        (tmp_path / name).touch()
    remove_temporary_files(tmp_path, ["run.json"])
    assert sorted(os.listdir(tmp_path)) == sorted(others)
