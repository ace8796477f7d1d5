"""`seqlstm generate` in a pseudo-terminal: keys, colours, Ctrl-C, saved states."""

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
    """Keyboard and screen of a pseudo-terminal."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process, self.master = process, master
        self.bytes = b""
        self.position = 0  # the end of the text that was already waited for

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def wait_for(self, text: str) -> str:
        """The output from the last wait up to some text."""
        while (end := self.seen.find(text, self.position)) < 0:
            self.bytes += os.read(self.master, 2**16)
        begin, self.position = self.position, end + len(text)
        return self.seen[begin:end]

    @property
    def seen(self) -> str:
        """All output, without escape sequences."""
        text = self.bytes.decode("utf-8", "ignore").replace("\r\n", "\n")
        return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", text)

    def enter(self, line: str) -> str:
        """Type a line; returns its answer, without the echo."""
        self.type(f"{line}\n")
        return self.wait_for(PROMPT).partition("\n")[2]


@contextmanager
def terminal(*arguments: object, folder: Path) -> Iterator[Terminal]:
    """A session at its first prompt, 80 columns wide; killed after five minutes."""
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
        preexec_fn=lambda: set_controlling_terminal(slave),
    )
    os.close(slave)
    timeout = threading.Timer(300, process.kill)
    timeout.start()
    try:
        session = Terminal(process, master)
        session.wait_for(PROMPT)
        yield session
    finally:
        timeout.cancel()
        process.kill()
        process.wait()
        os.close(master)


def set_controlling_terminal(slave: int) -> None:
    """Make it the terminal whose Ctrl-C reaches the process."""
    import fcntl
    import termios

    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


def without_compiler(run: Path, copy: Path) -> Path:
    """A copy of a run that needs no compiler."""
    shutil.copytree(run, copy)
    recipe = copy / "recipe.toml"
    text = recipe.read_text(encoding="utf-8")
    assert 'backend = "auto"' in text
    recipe.write_text(text.replace('backend = "auto"', 'backend = "loop"'), encoding="utf-8")
    return copy


def test_a_session_in_a_terminal(language_model: Path, tmp_path: Path) -> None:
    run = without_compiler(language_model, tmp_path / "run")
    loaded = seqlstm.load(run, device="cpu")
    assert isinstance(loaded, LoadedLanguageModel)
    session = loaded.session()
    session.read("The child")
    session.past.save(tmp_path / "once.state")
    expected = "".join(session.stream(max_new_tokens=8, seed=3)).split()
    with terminal(run, "--temperature", 1, "--max-new-tokens", 8, folder=tmp_path) as seen:
        assert "end of text: The child" in seen.enter("/load once")
        assert seen.enter("/seed 3") == "seed 3"
        assert seen.enter("/more").split() == [*expected, "…"]
        assert seen.enter("/top-k") == "top-k 0"
        assert seen.enter(UP) == "top-k 0"  # the last line again
        assert seen.enter(f"/undu{TAB}\x7f\x7f{TAB}").startswith("end of text: The child")
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
    """Type a line; returns its answer with escape sequences."""
    begin = len(seen.bytes)
    seen.enter(line)
    return seen.bytes[begin:].decode()
