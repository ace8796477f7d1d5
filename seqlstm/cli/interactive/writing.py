"""`seqlstm generate` on a terminal: somebody writes, the model writes on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqlstm.cli.console import table
from seqlstm.cli.interactive.repl import Actions, Number, converse, refuse_value
from seqlstm.cli.interactive.surprisal import chart, coloured, latest, legend, means, on_a_line
from seqlstm.cli.interactive.wrapping import Wrap
from seqlstm.errors import ArgumentError
from seqlstm.inference.turns import TextPart, TurnHistory
from seqlstm.runtime.signals import StopRequest, stop_on_signals

if TYPE_CHECKING:
    from seqlstm.inference.language_model import LoadedLanguageModel

SETTINGS = {
    "temperature": (Number(float), "0 is greedy; lower is safer, higher bolder"),
    "top-k": (Number(int), "draw from the k likeliest; 0: all"),
    "top-p": (Number(float, 1e-6, 1), "draw from the likeliest that make up p"),
    "min-p": (Number(float, 0, 1), "drop what is less than this times the likeliest"),
    "repetition-penalty": (Number(float, 1), "on recent pieces; 1: none"),
    "max-new-tokens": (Number(int, 1), "pieces, at most"),
    "seed": (Number(int), "of the next continuation; then one more each time"),
}
COMMANDS = {
    "retry": "another continuation in place of the last",
    "more": "go on; an empty line does the same",
    "undo": "take back the last exchange",
    "why": "what may come next, what was surprising; /why 20: more",
    "save NAME": "keep the model's state, as NAME.state, in this directory",
    "load NAME": "go on from there; without NAME: which there are",
    "new": "forget everything",
    "stop TEXT": "end before this text; without TEXT: no longer",
    "help": "this",
    "quit": "leave, as Ctrl-D does; Ctrl-C stops only the model",
}
COMMAND_NAMES = [*(name.split()[0] for name in COMMANDS), *SETTINGS]
SHAPING = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
CANDIDATES = 8
SUFFIX = ".state"
ENDING = 50  # characters of a text by which a person sees where it stands


class WritingSession:
    """A text that grows, and all that can be done about it.

    Args:
        loaded: the language model.
        options: temperature and the other settings, by their names in Python; `seed` is that of the
            next continuation.
        console: where all of it is shown.
    """

    def __init__(
        self, loaded: LoadedLanguageModel, options: dict[str, Any], console: Console
    ) -> None:
        self.draft = TurnHistory(loaded)
        self.options = dict(options)
        self.console = console

    def run(self, lines: Iterable[str]) -> None:
        """Take line after line, until there is no more or somebody leaves."""
        self.draft.candidates(1)  # a recurrence is compiled at its first step: not while one waits
        self.note("Write something; the model writes on. /help lists commands, Ctrl-D ends.")
        try:
            converse(lines, answer=self.answer, actions=self.actions())
        except EOFError:
            return

    def actions(self) -> Actions:
        """What each command does."""
        bare: dict[str, Callable[[], object]] = {
            "retry": lambda: self.show(self.draft.retry),
            "more": lambda: self.answer(""),
            "undo": self.undo,
            "new": self.forget,
            "help": self.help,
            "quit": leave,
        }
        told = {"why": self.why, "save": self.save, "load": self.load, "stop": self.stop_at}
        settings = {name: partial(self.set, name) for name in SETTINGS}
        return {name: without_value(name, act) for name, act in bare.items()} | told | settings

    def answer(self, line: str) -> None:
        """Write on from what somebody wrote."""
        self.show(partial(self.draft.continue_text, unescaped(line)))

    def show(self, write: Callable[..., Iterator[TextPart]]) -> None:
        """Show what is written as it comes, until Ctrl-C."""
        wrap = Wrap(self.console.width)
        with stop_on_signals(signal.SIGINT) as enough:
            for text, generated, _ in write(stop_request=enough, **self.options):
                shown = wrap.push(text) if generated else wrap.push(text) + wrap.flush()
                self.out(shown, style=None if generated else "bold")
        self.out(wrap.flush())
        ending = wrap.push(" …") + wrap.flush() if self.was_cut(enough) else ""
        self.out(ending, style="dim", end="\n")
        if self.draft.ended:
            self.note("The text ends here; what you write next begins another.")
        self.options["seed"] += 1

    def was_cut(self, enough: StopRequest) -> bool:
        """Whether the model would have gone on."""
        whole = len(self.draft.last().completion) == self.options["max_new_tokens"]
        return not self.draft.ended and (whole or bool(enough))

    def undo(self) -> None:
        """Take back the last turn."""
        self.draft.undo()
        self.tell_end()

    def forget(self) -> None:
        """Begin with no text."""
        self.draft.begin(self.draft.loaded.past())
        self.tell_end()

    def save(self, name: str) -> None:
        """Keep the state in a file."""
        file = self.file(name)
        existed = file.exists()
        self.draft.session.past.save(file)
        done = "written over" if existed else "written"
        self.note(f"{file} {done}: {file.stat().st_size:,} bytes")

    def load(self, name: str) -> None:
        """Go on from a state that was kept; without a name, tell which there are."""
        if name:
            self.draft.begin(self.draft.loaded.restore(self.file(name)))
            self.tell_end()
            return
        names = sorted(file.stem for file in Path().glob(f"*{SUFFIX}"))
        self.note(f"states in this directory: {', '.join(names) or 'none'}")

    def file(self, name: str) -> Path:
        """Where a state is kept.

        Raises:
            ArgumentError: it has no name.
        """
        if not name:
            raise ArgumentError("/save needs a name", hint=f"/save story writes story{SUFFIX}.")
        return Path(name if name.endswith(SUFFIX) else f"{name}{SUFFIX}")

    def set(self, name: str, value: str) -> None:
        """Set an option; without a value, tell it."""
        key, told = name.replace("-", "_"), SETTINGS[name][0].read(name, value)
        if told is not None:
            self.options[key] = told
        self.note(f"{name} {self.options[key]}")

    def stop_at(self, value: str) -> None:
        """End before a text, or no longer."""
        self.options["stop"] = unescaped(value) or None
        self.note(f"stop before {value}" if value else "no text stops it")

    def why(self, value: str) -> None:
        """Show what may come next, and how surprising the text was."""
        count = int(Number(int, 1).read("why", value) or CANDIDATES)
        shaping = {name: self.options[name] for name in SHAPING}
        self.print(chart(self.draft.candidates(count, **shaping)))
        if parts := list(self.draft.surprisals()):
            self.out("", end="\n")
            self.print(latest(coloured(parts), self.console))
            self.print(legend())
            self.note(means(parts))

    def help(self) -> None:
        """List commands, and how things are set."""
        shown = table("command", "now", "")
        for name, tells in COMMANDS.items():
            shown.add_row(f"/{name}", "", tells)
        for name, (_, tells) in SETTINGS.items():
            shown.add_row(f"/{name}", str(self.options[name.replace("-", "_")]), tells)
        self.print(shown)
        self.note(r"In a line \n is a line's end; // at its beginning is /.")

    def tell_end(self) -> None:
        """Show where the text stands."""
        text = self.draft.loaded.tokenizer.decode(self.draft.session.past.history[0].tolist())
        cut = "…" if len(text) > ENDING else ""
        self.note(f"it ends now: {cut}{on_a_line(text[-ENDING:])}" if text else "no text now")

    def out(self, text: str, *, style: str | None = None, end: str = "") -> None:
        """A part of the text, as it is."""
        if text or end:
            self.console.out(text, style=style, end=end, highlight=False)

    def note(self, message: str) -> None:
        self.print(Text(message, style="dim"))

    def print(self, shown: Text | Table) -> None:
        self.console.print(shown, soft_wrap=False)


def unescaped(line: str) -> str:
    return line.replace("\\n", "\n")


def without_value(name: str, act: Callable[[], object]) -> Callable[[str], None]:
    """An action that refuses a value."""

    def checked(value: str) -> None:
        refuse_value(name, value)
        act()

    return checked


def leave() -> None:
    raise EOFError
