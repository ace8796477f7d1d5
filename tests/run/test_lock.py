"""The lock of a folder: one owner at a time, whatever happens to the processes or the files."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from seqlstm.errors import RunError
from seqlstm.run import lock as module
from seqlstm.run.lock import LOCK_FILE, FolderLock

if sys.platform != "win32":
    import fcntl

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fcntl of POSIX")

HOLD = """
import sys
from pathlib import Path
from seqlstm.run.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""
COMPETE = """
import os, sys, time
from pathlib import Path
from seqlstm.errors import RunError
from seqlstm.run.lock import FolderLock
folder, alone = Path(sys.argv[1]), Path(sys.argv[2])
won = 0
while won < 15:
    try:
        with FolderLock(folder):
            os.close(os.open(alone, os.O_CREAT | os.O_EXCL))  # fails if another one is inside
            time.sleep(0.001)
            alone.unlink()
        won += 1
    except RunError:
        pass
"""


def run(program: str, *arguments: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "mine"


def held_by_another(folder: Path) -> subprocess.Popen[str]:
    process = run(HOLD, folder)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n", process.communicate()
    return process


def test_a_second_owner_is_refused_and_learns_who_is_the_first(folder: Path) -> None:
    with held_by_another(folder) as process:
        with pytest.raises(RunError, match=f"in use by process {process.pid} on ") as caught:
            FolderLock(folder).acquire()
        assert " since 2" in str(caught.value)
        assert "seqlstm " in str(caught.value)
        with pytest.raises(RunError, match=f"in use by process {process.pid} on "):
            FolderLock(folder).acquire()  # the refused one has taken nothing away
        process.communicate("")
    with FolderLock(folder):
        pass


def test_a_killed_owner_leaves_no_lock(folder: Path) -> None:
    with held_by_another(folder) as process:
        process.kill()
        process.wait()
    assert (folder / LOCK_FILE).is_file()
    with FolderLock(folder):
        assert str(os.getpid()) in (folder / LOCK_FILE).read_text()


def test_removing_the_file_does_not_defeat_the_lock(folder: Path) -> None:
    with FolderLock(folder):
        (folder / LOCK_FILE).unlink()
        with pytest.raises(RunError, match="is in use by another process"):
            FolderLock(folder).acquire()


def test_a_refused_owner_leaves_no_file_that_stops_the_first(folder: Path) -> None:
    with held_by_another(folder) as process:
        (folder / LOCK_FILE).unlink()
        with pytest.raises(RunError, match="is in use by"):
            FolderLock(folder).acquire()
        assert os.listdir(folder) == []
        process.communicate("")
    with FolderLock(folder) as lock:
        (folder / LOCK_FILE).unlink()
        (folder / LOCK_FILE).touch()  # as older versions did
        lock.check()


def test_where_only_files_can_be_locked_a_new_file_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def refuse_folders(descriptor: int, operation: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(descriptor, operation)

    monkeypatch.setattr("fcntl.flock", refuse_folders)
    with FolderLock(folder) as first:
        assert first.warning is None
        with pytest.raises(RunError, match="is in use by process"):
            FolderLock(folder).acquire()
        (folder / LOCK_FILE).unlink()
        first.check()
        with FolderLock(folder), pytest.raises(RunError, match="was removed or replaced"):
            first.check()


def test_a_new_owner_waits_for_the_end_of_the_old_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes after the old owner has removed its file, and before it has unlocked the folder."""
    first, second = FolderLock(folder), FolderLock(folder)
    folder.mkdir(parents=True)
    first.acquire()
    original = module.close
    refusals = []

    def meet(descriptors: list[int]) -> None:
        monkeypatch.setattr(module, "close", original)
        monkeypatch.setattr(module.time, "sleep", lambda _: (refusals.append(1), original(held)))
        held, kept = descriptors, os.listdir(folder)
        assert kept == []
        second.acquire()

    monkeypatch.setattr(module, "close", meet)
    first.release()
    assert refusals == [1]
    assert str(os.getpid()) in (folder / LOCK_FILE).read_text()
    second.release()


def test_a_pipe_in_place_of_the_lock_file_is_not_read(folder: Path) -> None:
    with FolderLock(folder):
        (folder / LOCK_FILE).unlink()
        os.mkfifo(folder / LOCK_FILE)
        with pytest.raises(RunError, match="is in use by another process"):
            FolderLock(folder).acquire()


FORGOTTEN = """
import sys
from pathlib import Path
from seqlstm.run.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
lock.acquire()
Path(sys.argv[1], "file").touch()
cycle = [lock]
cycle.append(cycle)
"""


def test_a_lock_of_a_module_is_released_at_exit(folder: Path) -> None:
    process = run(FORGOTTEN, folder)
    assert process.communicate("") == ("", "")
    assert os.listdir(folder) == ["file"]


@pytest.mark.parametrize("taken", [False, True])
def test_an_owner_notices_that_its_folder_is_gone(folder: Path, taken: bool) -> None:
    lock = FolderLock(folder)
    with lock:
        lock.check()
        shutil.rmtree(folder)
        second = FolderLock(folder)
        if taken:
            second.acquire()
        with pytest.raises(RunError, match="was removed or replaced while it was in use"):
            lock.check()
        second.release()


def test_an_owner_releases_nothing_of_its_successor(folder: Path) -> None:
    first, second = FolderLock(folder), FolderLock(folder)
    first.acquire()
    shutil.rmtree(folder)
    second.acquire()
    first.release()
    assert (folder / LOCK_FILE).is_file()
    second.check()
    second.release()


def test_nothing_is_left_behind(folder: Path, tmp_path: Path) -> None:
    with FolderLock(folder):
        assert os.listdir(folder) == [LOCK_FILE]
    assert os.listdir(tmp_path) == []
    folder.mkdir(parents=True)
    with FolderLock(folder):
        (folder / "file").touch()
    assert os.listdir(folder) == ["file"]


def test_it_is_held_until_the_last_holder_releases_it(folder: Path) -> None:
    lock = FolderLock(folder)
    with lock:
        with lock:
            pass
        assert lock.held
        with pytest.raises(RunError, match="in use"):
            FolderLock(folder).acquire()
    assert not lock.held


def test_it_is_kept_unless_there_is_an_error(folder: Path) -> None:
    lock = FolderLock(folder)
    with pytest.raises(ValueError, match="no"), lock.kept():
        raise ValueError("no")
    assert not lock.held
    with lock.kept():
        pass
    assert lock.held
    del lock  # as when a prepared run is thrown away
    with FolderLock(folder):
        pass


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file, not a folder"):
        FolderLock(tmp_path / "file").acquire()
    with pytest.raises(RunError, match="cannot be made"):
        FolderLock(tmp_path / "file" / "run").acquire()


def test_a_symbolic_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    (tmp_path / "precious").write_text("mine")
    (folder / LOCK_FILE).symlink_to(tmp_path / "precious")
    with pytest.raises(RunError, match="cannot be locked"):
        FolderLock(folder).acquire()
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_file_system_without_locks_is_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with FolderLock(folder) as lock:
        assert lock.warning is not None
        assert f"{folder}: this system cannot lock it" in lock.warning


def test_of_many_processes_one_at_a_time_is_inside(folder: Path, tmp_path: Path) -> None:
    """The folder and its file come and go all the time."""
    processes = [run(COMPETE, folder, tmp_path / "inside") for _ in range(4)]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
