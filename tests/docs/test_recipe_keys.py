"""Docstrings describe every key of recipes and sweeps, and no key that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import ModuleType

import pytest
from pydantic import BaseModel

from seqlstm.config import Recipe
from seqlstm.sweep.schema import Sweep
from tests.docs.pages import DOCS

every_file = pytest.mark.parametrize("file", [Recipe, Sweep])


@pytest.fixture(scope="module")
def reference() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        import recipe_reference

        yield recipe_reference


def tables(reference: ModuleType, table: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A table of a recipe or a sweep, and all tables inside of it."""
    yield table
    for field in table.model_fields.values():
        for inner in reference.models_in(field.annotation):
            yield from tables(reference, inner)


@every_file
def test_every_key_has_a_meaning(file: type[BaseModel], reference: ModuleType) -> None:
    missing = [
        f"{table.__name__}.{key}"
        for table in tables(reference, file)
        for key in table.model_fields.keys() - reference.split_docstring(table)[1].keys()
        if key != "kind"  # the table's introduction describes it
    ]
    assert missing == []


@every_file
def test_every_table_has_an_introduction(file: type[BaseModel], reference: ModuleType) -> None:
    assert all(reference.split_docstring(table)[0] for table in tables(reference, file))


@every_file
def test_only_keys_that_exist_are_described(file: type[BaseModel], reference: ModuleType) -> None:
    for table in tables(reference, file):
        described = {*re.findall(r"^ *`(\w+)`:", table.__doc__ or "", re.MULTILINE)}
        assert described <= table.model_fields.keys(), table.__name__
