"""The command `seqlstm`."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from seqlstm import __version__
from seqlstm.cli.console import end_quietly, err, show_error, shown_warnings
from seqlstm.errors import UserError


class Commands(TyperGroup):
    """The group of commands: shows a `UserError` as one panel, with exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with shown_warnings():
                return super().invoke(ctx)
        except UserError as error:
            show_error(error)
            raise typer.Exit(2) from None
        except BrokenPipeError:
            end_quietly()
        except KeyboardInterrupt:
            err.print("interrupted")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Train, evaluate and use LSTM language models and translators.

Start with `seqlstm recipes`, then `seqlstm train dates-en-de`, which runs offline.""",
)


def show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"seqlstm {__version__}")
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """The entry point of the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # whatever the locale: all text is UTF-8
    app()


# The commands, in the order in which help lists them.
from seqlstm.cli.commands import (  # noqa: E402
    cells,
    check,
    compare,
    evaluate,
    generate,
    info,
    inspect,
    recipes,
    score,
    sweep,
    tokenizer,
    train,
    translate,
)

app.add_typer(recipes.app, name="recipes")
app.command()(cells.cells)
app.command()(check.check)
app.command()(train.train)
app.command()(sweep.sweep)
app.command()(evaluate.evaluate)
app.command()(compare.compare)
app.command()(translate.translate)
app.command()(generate.generate)
app.command()(score.score)
app.command()(inspect.inspect)
app.add_typer(tokenizer.app, name="tokenizer")
app.command()(info.info)
