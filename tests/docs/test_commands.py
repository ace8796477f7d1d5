"""Commands and code of the documentation are those of today's program."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import seqlstm
from seqlstm.cli.app import app
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.past import Past
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.recipe.read import CATALOGUE, read_recipe
from seqlstm.recipe.shipped import find_either, find_sweep
from tests.docs.pages import ROOT, WRITTEN, blocks, name_of, prose

COPIED = "multi30k-en-de"  # what mine.toml is a copy of, where a page does not state it
OBJECTS = {"translator": LoadedTranslator, "model": LoadedLanguageModel, "past": Past}
every_page = pytest.mark.parametrize("page", WRITTEN, ids=name_of)


def commands(page: Path) -> Iterator[list[str]]:
    """The arguments of every `seqlstm …`, in code blocks and in the text."""
    lines = "".join(blocks(page, "", "bash", "console")).replace("\\\n", " ").splitlines()
    for line in [*lines, *re.findall(r"`(seqlstm [^`]+)`", prose(page))]:
        for part in re.split(r"\s\|\s", line):
            words = shlex.split(part.removeprefix("$ "), comments=True)
            if words[:1] == ["seqlstm"] and words[1:] != ["--version"]:
                yield words[1:]


def parse(arguments: list[str]) -> tuple[str, Any, dict[str, Any]]:
    """The command's name, its first argument and all its parameters; it is not run."""
    command: Any = typer.main.get_command(app)
    context, name, path = None, "seqlstm", []
    while hasattr(command, "resolve_command"):
        context = command.make_context(name, arguments, parent=context)
        rest = [*context._protected_args, *context.args]
        if not rest:  # a group that can stand alone
            return " ".join(path), None, {}
        name, command, arguments = command.resolve_command(context, rest)
        path.append(name)
    values = command.make_context(name, arguments, parent=context).params
    positional = [part.name for part in command.params if part.param_type_name == "argument"]
    return " ".join(path), values[positional[0]] if positional else None, values


@every_page
def test_commands_parse(page: Path) -> None:
    for arguments in commands(page):
        parse(arguments)


@every_page
def test_recipes_and_their_keys_exist(page: Path) -> None:
    copies: dict[str, str] = {}
    for arguments in commands(page):
        name, subject, values = parse(arguments)
        if subject in ("RECIPE", "NAME"):
            continue
        if name in ("recipes copy", "recipes show"):
            find_either(subject)
            copies[str(values.get("file"))] = subject
        elif name in ("train", "check"):
            shipped = copies.get(subject, COPIED) if subject.endswith(".toml") else subject
            read_recipe(shipped, values["overrides"] or [])
        elif name == "sweep" and not subject.endswith(".toml"):
            find_sweep(subject)
        elif name == "cells" and values["kind"] not in (None, "KIND"):
            assert values["kind"] in CATALOGUE["cell"]


@every_page
def test_python_compiles_and_its_names_exist(page: Path) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("seqlstm"):
                module = __import__(node.module or "", fromlist=["*"])
                assert all(hasattr(module, name.name) for name in node.names), ast.unparse(node)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = {"seqlstm": seqlstm, **OBJECTS}.get(node.value.id)
                assert owner is None or hasattr(owner, node.attr), ast.unparse(node)


@every_page
def test_toml_parses(page: Path) -> None:
    for block in blocks(page, "toml"):
        tomllib.loads(block)


def test_commands_of_the_makefile_and_of_recipe_heads_parse() -> None:
    demo = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = re.findall(r"\$\(BIN\)/(seqlstm [^|\n]+)", demo)
    assert len(lines) >= 6
    for recipe in (ROOT / "recipes").glob("*.toml"):
        head = re.sub(r"\\\n#\s+", "", recipe.read_text(encoding="utf-8"))
        lines += re.findall(r"^#   (seqlstm .+)$", head, re.MULTILINE)
    assert len(lines) >= 40
    for line in lines:
        parse(shlex.split(line, comments=True)[1:])


def test_there_are_commands_to_check() -> None:
    counts = {name_of(page): len([*commands(page)]) for page in WRITTEN}
    assert counts["README.md"] >= 10
    assert sum(counts.values()) >= 70
