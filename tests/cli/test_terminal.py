"""`seqlstm generate` in a terminal of its own: keys, colours, Ctrl-C, a state between processes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import seqlstm
from seqlstm.inference.language_model import LoadedLanguageModel

pty = pytest.importorskip("pty")  # not on Windows

CTRL_C, CTRL_D, UP, TAB = "\x03", "\x04", "\x1b[A", "\t"
PROMPT = "\n> "


class Terminal:
    """What somebody at a terminal types and sees."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process, self.master = process, master
        self.bytes = b""
        self.place = 0  # up to where it was looked at

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def wait_for(self, text: str) -> str:
        """What is seen before some text, from where the last wait ended."""
        while (end := self.seen.find(text, self.place)) < 0:
            self.bytes += os.read(self.master, 2**16)
        begin, self.place = self.place, end + len(text)
        return self.seen[begin:end]

    @property
    def seen(self) -> str:
        """All of it, without colours and what readline tells a terminal."""
        text = self.bytes.decode("utf-8", "ignore").replace("\r\n", "\n")
        return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", text)

    def enter(self, line: str) -> str:
        """What a line is answered; its echo comes first."""
        self.type(f"{line}\n")
        return self.wait_for(PROMPT).partition("\n")[2]


@contextmanager
def terminal(*arguments: object, folder: Path) -> Iterator[Terminal]:
    """A session at its first prompt, 80 columns wide; killed if it never answers."""
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
    process = subprocess.Popen(
        [sys.executable, "-m", "seqlstm", "generate", *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: take(slave),
    )
    os.close(slave)
    patience = threading.Timer(300, process.kill)
    patience.start()
    try:
        session = Terminal(process, master)
        session.wait_for(PROMPT)
        yield session
    finally:
        patience.cancel()
        process.kill()
        process.wait()
        os.close(master)


def take(slave: int) -> None:
    """Make it the terminal whose Ctrl-C reaches the process."""
    import fcntl
    import termios

    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


def uncompiled(run: Path, copy: Path) -> Path:
    """A copy of a run that waits for no compiler."""
    shutil.copytree(run, copy)
    recipe = copy / "recipe.toml"
    text = recipe.read_text(encoding="utf-8")
    assert 'backend = "auto"' in text
    recipe.write_text(text.replace('backend = "auto"', 'backend = "loop"'), encoding="utf-8")
    return copy


def test_a_session_in_a_terminal(language_model: Path, tmp_path: Path) -> None:
    run = uncompiled(language_model, tmp_path / "run")
    loaded = seqlstm.load(run, device="cpu")
    assert isinstance(loaded, LoadedLanguageModel)
    session = loaded.session()
    session.read("The child")
    session.past.save(tmp_path / "once.state")
    expected = "".join(session.stream(max_new_tokens=8, seed=3)).split()
    with terminal(run, "--temperature", 1, "--max-new-tokens", 8, folder=tmp_path) as seen:
        assert "it ends now: The child" in seen.enter("/load once")
        assert seen.enter("/seed 3") == "seed 3"
        assert seen.enter("/more").split() == [*expected, "…"]
        assert seen.enter("/top-k") == "top-k 0"
        assert seen.enter(UP) == "top-k 0"  # the line before comes back
        assert seen.enter(f"/undu{TAB}\x7f\x7f{TAB}").startswith("it ends now: The child")
        assert "\x1b[1m Nobody" in colours(seen, "Nobody")
        seen.enter("/max-new-tokens 1000000")
        seen.type("My neighbour\n")
        seen.wait_for("My neighbour\n")
        seen.wait_for("\n")  # the model writes
        seen.type(CTRL_C)
        seen.wait_for(f" …{PROMPT}")
        assert "next piece" in seen.enter("/why")
        seen.type(CTRL_D)
        assert seen.process.wait(60) == 0


def colours(seen: Terminal, line: str) -> str:
    """What a line is answered, as it comes."""
    begin = len(seen.bytes)
    seen.enter(line)
    return seen.bytes[begin:].decode()
