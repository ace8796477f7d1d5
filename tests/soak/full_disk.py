"""A full disk at ten sizes: one message, what was written before is intact, and resuming works."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runs import write_recipe
from tests.soak.commands import Commands
from tests.soak.kills import assert_equal
from tests.test_resume import LANGUAGE_MODEL

SIZES = (1, 4, 16, 32, 64, 96, 128, 192, 256, 512)  # KiB


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Callable[[], None]]:
    """A folder on a disk of `size` KiB; without the right to mount one, files of at most `size`.

    Yields:
        What each process does first.
    """
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and not subprocess.run(mount, capture_output=True).returncode

    def limit() -> None:
        if not mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size * 1024, size * 1024))

    try:
        yield limit
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("size", SIZES)
def test_training(size: int, commands: Commands, tmp_path: Path) -> None:
    recipe, run = write_recipe(tmp_path, LANGUAGE_MODEL), tmp_path / "disk" / "run"
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    assert commands.run("train", recipe, "--run", whole).code == 0
    with small_disk(run.parent, size) as limit:
        ended = commands.run("train", recipe, "--run", run, first=limit)
        assert ended.clean, ended.err.decode()
        if ended.code == 0:
            assert_equal(run, whole)
            return
        assert ended.code == 2
        assert b"could not be written" in ended.err or b"cannot be made" in ended.err
        if not (run / "checkpoint.pt").exists():
            return
        shutil.copytree(run, resumed)
    again = commands.run("train", recipe, "--run", resumed, "--resume")
    assert again.code == 0, again.err.decode()
    assert_equal(resumed, whole)
