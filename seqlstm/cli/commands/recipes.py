"""`seqlstm recipes`: the recipes and sweeps that come with the package, and drafts of new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seqlstm.cli.console import note, out, table, write
from seqlstm.cli.options import Overwrite, Recipe
from seqlstm.cli.output_files import prepare_output, write_output
from seqlstm.errors import ArgumentError

app = typer.Typer(
    help="List, `show` or `copy` the recipes that come with seqlstm, or draft a `new` one."
)


@app.callback(invoke_without_command=True)
def recipes(context: typer.Context) -> None:
    """List the recipes that come with seqlstm: task, data, expected score and training time.

    The sweeps follow; a sweep compares several variants of a recipe.
    """
    if context.invoked_subcommand:
        return
    from seqlstm.recipe.header import read_header
    from seqlstm.recipe.read import read_recipe
    from seqlstm.recipe.shipped import recipe_paths, sweep_paths

    shown = table("recipe", "task", "data", "reaches", "takes")
    shown.columns[0].no_wrap = True  # so that a name can be copied
    shown.columns[0].min_width = max(map(len, recipe_paths()))
    for name, path in recipe_paths().items():
        recipe, head = read_recipe(str(path)), read_header(path)
        reaches = head.reaches.split(";")[0]  # `show` prints how it was measured
        shown.add_row(name, recipe.task, str(recipe.data.source), reaches, head.takes)
    out.print(shown, soft_wrap=False)
    compared = table("\nsweep", "\ncompares", "\ntakes")
    compared.columns[0].no_wrap = True
    for name, path in sweep_paths().items():
        head = read_header(path)
        compared.add_row(name, head.title, head.takes)
    out.print(compared, soft_wrap=False)
    note("seqlstm recipes show NAME prints a recipe; copy NAME FILE copies it.")
    note("seqlstm recipes new FOLDER drafts one for your own text.")


@app.command()
def show(recipe: Recipe) -> None:
    """Print a recipe or a sweep."""
    from seqlstm.recipe.shipped import find_either

    write(find_either(recipe).read_text(encoding="utf-8"), end="")


@app.command()
def copy(
    recipe: Recipe,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file or folder of the copy.")],
    overwrite: Overwrite = False,
) -> None:
    """Copy a recipe or a sweep to a file that you can change."""
    from seqlstm.recipe.shipped import find_either, is_sweep

    path = find_either(recipe)
    text = path.read_text(encoding="utf-8")
    if file.is_dir():
        file = file / f"{Path(recipe).stem}.toml"
    prepare_output(file, overwrite=overwrite)
    write_output(file, text)
    note(f"seqlstm {'sweep' if is_sweep(path) else 'train'} {file}")


@app.command()
def new(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A folder or a file of text, pairs or tables.")
    ],
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="The recipe's file; default: SOURCE's name.toml."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="By default the task that the text suits.")
    ] = None,
    pair: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE,TARGET",
            help="The two sides of a translation, by names of files, columns or languages.",
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Draft a recipe for a folder or a file: short, commented, ready to train.

    Finds the layout, splits (or cuts slices), columns, direction and number of rows, and chooses
    sizes by it.
    """
    from seqlstm.recipe.draft import draft
    from seqlstm.recipe.survey import survey

    name = Path(source).resolve().name.partition(".")[0]
    file = file or Path(f"{name}.toml")
    prepare_output(file, overwrite=overwrite)
    sides = None if pair is None else tuple(side.strip() for side in pair.split(","))
    if sides is not None and (len(sides) != 2 or not all(sides)):
        raise ArgumentError(f"--pair names two sides, was: {pair}", hint="Right would be: en,de")
    found = survey(source, task=task, pair=sides)
    for line in found.lines:
        note(line)
    write_output(file, draft(found, file))
    note(f"{file}: a recipe of the task {found.task}; read it, then:")
    note(f"seqlstm train {file}")
