"""Markup and control characters in names, notes, errors and model output never reach a terminal."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.panel import Panel
from rich.text import Text

import seqlstm.cli
from seqlstm.cli import console
from seqlstm.cli.console import PlainConsole, confirm, note, show_error, table, warn, write
from seqlstm.cli.interactive.unit_colours import coloured
from seqlstm.cli.visible import visible
from seqlstm.errors import ArgumentError
from tests.runs import answer

TITLE = "\x1b]0;owned\x07"  # sets the title of a terminal's window
HOSTILE = f"[/x][red]:smile:{TITLE}\x9b31m\u202e\udcff"
SHOWN = r"[/x][red]:smile:\x1b]0;owned\x07\x9b31m\u202e\udcff"


class Screen(io.StringIO):
    """A terminal's screen."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """The screen on which all messages and results appear, wide enough for a line."""
    screen = Screen()
    for name in ("out", "err"):
        terminal = PlainConsole(file=screen, force_terminal=True, color_system=None, width=400)
        monkeypatch.setattr(console, name, terminal)
    monkeypatch.setattr("sys.stdout", screen)
    return screen


def test_visible() -> None:
    assert visible(HOSTILE) == SHOWN
    assert visible("\x00\r\x7f\x85\u2066\u2069\ud800") == r"\x00\x0d\x7f\x85\u2066\u2069\ud800"
    kept = "tab\tline\né日🙂 ▁ नमस्ते می\u200cخواهم 👩\u200d🔬 שלום\u200f \u2028 [b]"
    assert visible(kept) == kept


def test_every_way_to_print(screen: Screen) -> None:
    shown = table(HOSTILE, title=HOSTILE)
    shown.add_row(HOSTILE)
    console.out.print(shown)
    console.out.print(Text(HOSTILE), Text.assemble(HOSTILE, (HOSTILE, "bold")))
    console.out.print(HOSTILE, markup=True, emoji=True, highlight=True)
    console.out.print(Panel(HOSTILE))
    console.out.out(HOSTILE)
    note(HOSTILE)
    warn(HOSTILE)
    show_error(ArgumentError(HOSTILE, hint=HOSTILE))
    write(HOSTILE)
    text = screen.getvalue()
    assert text.count(SHOWN) >= 8
    assert {character for character in text if visible(character) != character} == set()


def test_a_question_shows_the_name(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda: "")
    assert not confirm(f"{HOSTILE} exists. Replace it?")
    assert screen.getvalue() == f"{SHOWN} exists. Replace it? [y/N] "


def test_unit_colours(screen: Screen) -> None:
    console.out.print(coloured([TITLE, "a\n"], [0.5, -0.5]))
    assert screen.getvalue() == "\\x1b]0;owned\\x07a↵\n\n"


def test_a_pipe_gets_raw_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    write(f"{TITLE}[/x]")
    assert sys.stdout.getvalue() == f"{TITLE}[/x]\n"  # type: ignore[attr-defined]


def test_markup_in_a_run(copied: Path) -> None:
    """The name of the folder and the notes in it are printed as they are."""
    folder = copied.rename(copied.with_name("[bold]"))
    write_note(folder, "[/x]")
    assert "[/x]" in answer("info", folder)
    (folder.parent / "[").mkdir()
    folder = folder.rename(folder.parent / "[" / "x]")  # the path contains "[/x]"
    assert "task" in answer("info", folder)


def write_note(run: Path, text: str) -> None:
    card = json.loads((run / "run.json").read_text())
    card["data"]["notes"] = [text]
    (run / "run.json").write_text(json.dumps(card))


def on_terminal(*arguments: object, folder: Path) -> tuple[int, bytes]:
    """Exit code and output of the command in a pseudo-terminal."""
    pty = pytest.importorskip("pty")  # not on Windows
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
    command = [sys.executable, "-m", "seqlstm", *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment
    ) as process:
        os.close(slave)
        output = b""
        while True:
            try:
                output += os.read(master, 2**16)
            except OSError:  # the process has ended
                break
        code = process.wait(120)
    os.close(master)
    return code, output


def test_a_hostile_run_on_a_terminal(copied: Path) -> None:
    folder = copied.rename(copied.with_name(f"[red]{TITLE}"))
    write_note(folder, f"[/x]{TITLE}")
    code, output = on_terminal("info", folder.name, folder=folder.parent)
    assert code == 0, output
    assert b"[/x]\\x1b]0;owned\\x07" in output
    assert b"\x1b]" not in output
    assert b"\x07" not in output


@pytest.mark.parametrize("wrong", [[f"--{TITLE}"], ["info", "x", TITLE], [TITLE]])
def test_a_usage_error_on_a_terminal(wrong: list[str], tmp_path: Path) -> None:
    code, output = on_terminal(*wrong, folder=tmp_path)
    assert code == 2
    assert b"\\x1b]0;owned\\x07" in output
    assert b"\x1b]" not in output


FORBIDDEN = {"rich.markup", "rich.prompt", "rich.status", "rich.rule", "rich.emoji"}


@pytest.mark.parametrize(
    "path", sorted(Path(seqlstm.cli.__file__).parent.rglob("*.py")), ids=lambda path: path.stem
)
def test_nothing_prints_by_itself(path: Path) -> None:
    """All output goes through the consoles, which know no markup, or through `write`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.module not in FORBIDDEN
            makes_console = node.module == "rich.console" and "Console" in {
                name.name for name in node.names
            }
            assert not makes_console or path.stem in ("console", "writing", "surprisal")
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "Console", "sys.stderr.write", "Text.from_markup")
            assert called != "sys.stdout.write" or path.stem == "console"
            if called == "TextColumn":
                assert "markup=False" in ast.unparse(node)
