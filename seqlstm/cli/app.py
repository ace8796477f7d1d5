"""The command `seqlstm`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from seqlstm import __version__
from seqlstm.cli.console import shown_warnings
from seqlstm.cli.failures import show_failure
from seqlstm.cli.standard_streams import prepare_standard_streams
from seqlstm.runtime.signals import TerminatedError


class Commands(TyperGroup):
    """The group of commands: a failure is one message and an exit code, never a traceback."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        try:
            code = super().main(*arguments, **options | {"standalone_mode": False})
            sys.stdout.flush()
        except (Exception, TerminatedError) as error:
            sys.exit(show_failure(error))
        sys.exit(code)

    def invoke(self, ctx: Any) -> Any:
        try:
            with shown_warnings():
                return super().invoke(ctx)
        except KeyboardInterrupt as error:  # Typer would end without a message
            raise typer.Exit(show_failure(error)) from None


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
    prepare_standard_streams()
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
