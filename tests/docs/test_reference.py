"""docs/reference is what the sources state now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, REFERENCE


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        from generate_reference import write_reference

        write_reference(folder)
    return folder


@pytest.mark.parametrize("name", ["cells.md", "cli.md", "python.md", "recipe.md"])
def test_a_page_is_up_to_date(name: str, generated: Path) -> None:
    committed, now = ((folder / name).read_bytes() for folder in (REFERENCE, generated))
    assert committed == now, f"docs/reference/{name} is stale: python docs/generate_reference.py"


def test_no_other_page_is_there(generated: Path) -> None:
    assert {page.name for page in REFERENCE.iterdir()} == {
        page.name for page in generated.iterdir()
    }
