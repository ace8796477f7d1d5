"""`seqlstm generate` on a terminal: a person writes a line, the model continues the text."""

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
from seqlstm.cli.interactive.surprisal import (
    chart,
    coloured,
    last_lines,
    legend,
    means,
    on_one_line,
)
from seqlstm.cli.interactive.wrapping import Wrap
from seqlstm.cli.output_files import prepare_output
from seqlstm.errors import ArgumentError
from seqlstm.inference.turns import TextPart, TurnHistory
from seqlstm.runtime.signals import StopRequest, stop_on_signals

if TYPE_CHECKING:
    from seqlstm.inference.language_model import LoadedLanguageModel

SETTINGS = {
    "temperature": (Number(float), "0: greedy; higher: more varied"),
    "top-k": (Number(int), "sample from the k most probable pieces; 0: from all"),
    "top-p": (Number(float, 1e-6, 1), "sample from the most probable pieces whose sum reaches p"),
    "min-p": (Number(float, 0, 1), "drop pieces below this share of the most probable one"),
    "repetition-penalty": (Number(float, 1), "for recent pieces; 1: none"),
    "max-new-tokens": (Number(int, 1), "pieces of a continuation, at most"),
    "seed": (Number(int), "of the next continuation; goes up by one each time"),
}
COMMANDS = {
    "retry": "replace the last continuation by another",
    "more": "continue; an empty line does the same",
    "undo": "remove the last line and its continuation",
    "why": "the next pieces, and the surprisal so far; /why 20: more",
    "save NAME": "save the model's state as NAME.state in this directory",
    "load NAME": "continue from a saved state; without NAME: list them",
    "new": "start with an empty text",
    "stop TEXT": "end before this text; without TEXT: stop nowhere",
    "help": "show this list",
    "quit": "end, as Ctrl-D does; Ctrl-C stops only the model",
}
COMMAND_NAMES = [*(name.split()[0] for name in COMMANDS), *SETTINGS]
SAMPLING = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
CANDIDATES = 8  # that /why shows by itself
SUFFIX = ".state"
ENDING = 50  # characters of the text's end that are shown


class WritingSession:
    """An interactive session: a text that a person and a model write in turn.

    Args:
        loaded: the language model.
        options: temperature and the other settings, by their names in Python; `seed` is that of the
            next continuation.
        console: where the session is shown.
    """

    def __init__(
        self, loaded: LoadedLanguageModel, options: dict[str, Any], console: Console
    ) -> None:
        self.draft = TurnHistory(loaded)
        self.options = dict(options)
        self.console = console

    def run(self, lines: Iterable[str]) -> None:
        """Answer line after line, until the input ends or `/quit`."""
        self.draft.candidates(1)  # compiles the recurrence now, not at the first answer
        self.note("Write something; the model continues it. /help lists commands, Ctrl-D ends.")
        try:
            converse(lines, answer=self.answer, actions=self.actions())
        except EOFError:
            return

    def actions(self) -> Actions:
        """The action of each command."""
        plain: dict[str, Callable[[], object]] = {
            "retry": lambda: self.show(self.draft.retry),
            "more": lambda: self.answer(""),
            "undo": self.undo,
            "new": self.forget,
            "help": self.help,
            "quit": leave,
        }
        valued = {"why": self.why, "save": self.save, "load": self.load, "stop": self.stop_at}
        settings = {name: partial(self.set, name) for name in SETTINGS}
        return {name: without_value(name, act) for name, act in plain.items()} | valued | settings

    def answer(self, line: str) -> None:
        """Continue the text from a person's line."""
        self.show(partial(self.draft.continue_text, unescaped(line)))

    def show(self, write: Callable[..., Iterator[TextPart]]) -> None:
        """Show the text while the model writes it, until Ctrl-C."""
        wrap = Wrap(self.console.width)
        with stop_on_signals(signal.SIGINT) as stop:
            for text, generated, _ in write(stop_request=stop, **self.options):
                shown = wrap.push(text) if generated else wrap.push(text) + wrap.flush()
                self.out(shown, style=None if generated else "bold")
        self.out(wrap.flush())
        ending = wrap.push(" …") + wrap.flush() if self.was_cut(stop) else ""
        self.out(ending, style="dim", end="\n")
        if self.draft.ended:
            self.note("The text ends here; your next line begins another.")
        self.options["seed"] += 1

    def was_cut(self, stop: StopRequest) -> bool:
        """Whether the continuation ended before the text did."""
        full = len(self.draft.last().completion) == self.options["max_new_tokens"]
        return not self.draft.ended and (full or bool(stop))

    def undo(self) -> None:
        """Remove the last turn."""
        self.draft.undo()
        self.show_end()

    def forget(self) -> None:
        """Start with an empty text."""
        self.draft.begin(self.draft.loaded.past())
        self.show_end()

    def save(self, name: str) -> None:
        """Save the state to a file."""
        file = self.file(name)
        existed = file.exists()
        prepare_output(file, overwrite=False, hint="Use another name.")
        self.draft.session.past.save(file)
        action = "overwritten" if existed else "written"
        self.note(f"{file} {action}: {file.stat().st_size:,} bytes")

    def load(self, name: str) -> None:
        """Continue from a saved state; without a name, list the saved states."""
        if name:
            self.draft.begin(self.draft.loaded.restore(self.file(name)))
            self.show_end()
            return
        names = sorted(file.stem for file in Path().glob(f"*{SUFFIX}"))
        self.note(f"states in this directory: {', '.join(names) or 'none'}")

    def file(self, name: str) -> Path:
        """The file of a state.

        Raises:
            ArgumentError: the name is empty.
        """
        if not name:
            raise ArgumentError("/save needs a name", hint=f"/save story writes story{SUFFIX}.")
        return Path(name if name.endswith(SUFFIX) else f"{name}{SUFFIX}")

    def set(self, name: str, value: str) -> None:
        """Set an option; without a value, only show it."""
        key, number = name.replace("-", "_"), SETTINGS[name][0].read(name, value)
        if number is not None:
            self.options[key] = number
        self.note(f"{name} {self.options[key]}")

    def stop_at(self, value: str) -> None:
        """Set or clear the text before which a continuation ends."""
        self.options["stop"] = unescaped(value) or None
        self.note(f"stop before {value}" if value else "no stop text")

    def why(self, value: str) -> None:
        """Show the most probable next pieces, and the surprisal of the text."""
        count = int(Number(int, 1).read("why", value) or CANDIDATES)
        sampling = {name: self.options[name] for name in SAMPLING}
        self.print(chart(self.draft.candidates(count, **sampling)))
        if parts := list(self.draft.surprisals()):
            self.out("", end="\n")
            self.print(last_lines(coloured(parts), self.console))
            self.print(legend())
            self.note(means(parts))

    def help(self) -> None:
        """List the commands and the current settings."""
        shown = table("command", "now", "")
        for name, meaning in COMMANDS.items():
            shown.add_row(f"/{name}", "", meaning)
        for name, (_, meaning) in SETTINGS.items():
            shown.add_row(f"/{name}", str(self.options[name.replace("-", "_")]), meaning)
        self.print(shown)
        self.note(r"In a line \n stands for a line end; // at the start stands for /.")

    def show_end(self) -> None:
        """Show the end of the text."""
        text = self.draft.loaded.tokenizer.decode(self.draft.session.past.history[0].tolist())
        cut = "…" if len(text) > ENDING else ""
        self.note(
            f"end of text: {cut}{on_one_line(text[-ENDING:])}" if text else "the text is empty"
        )

    def out(self, text: str, *, style: str | None = None, end: str = "") -> None:
        """Print a part of the text unchanged."""
        if text or end:
            self.console.out(text, style=style, end=end, highlight=False)

    def note(self, message: str) -> None:
        self.print(Text(message, style="dim"))

    def print(self, shown: Text | Table) -> None:
        self.console.print(shown, soft_wrap=False)


def unescaped(line: str) -> str:
    return line.replace("\\n", "\n")


def without_value(name: str, act: Callable[[], object]) -> Callable[[str], None]:
    """An action of a command that takes no value."""

    def checked(value: str) -> None:
        refuse_value(name, value)
        act()

    return checked


def leave() -> None:
    raise EOFError
