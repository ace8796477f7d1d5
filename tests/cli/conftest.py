"""A tiny translator and a tiny language model, trained once by the command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.runs import LANGUAGE_MODEL, TRANSLATOR, train_in


@pytest.fixture(scope="session")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder; its recipe and texts are in the parent folder."""
    return train_in(tmp_path_factory.mktemp("translator"), TRANSLATOR)


@pytest.fixture(scope="session")
def another(translator: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the same tokenizer and another seed."""
    recipe = TRANSLATOR.replace(
        'model_type = "unigram"\nvocab_size = 320', f'file = "{translator}/X"'
    )
    recipe = recipe.replace("/X", "/tokenizer.model").replace('task = "', 'seed = 2\ntask = "', 1)
    return train_in(tmp_path_factory.mktemp("another"), recipe)


@pytest.fixture(scope="session")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder; its recipe and texts are in the parent folder."""
    return train_in(tmp_path_factory.mktemp("language"), LANGUAGE_MODEL)


@pytest.fixture
def copied(translator: Path, tmp_path: Path) -> Path:
    """A copy of the translator's run folder that a test may damage."""
    return Path(shutil.copytree(translator, tmp_path / "copied"))
