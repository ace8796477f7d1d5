"""A tiny translator and a tiny language model, and commands in forked processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs import LANGUAGE_MODEL, TRANSLATOR, train_in
from tests.soak.commands import Commands


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return Commands(tmp_path_factory.mktemp("streams"))


@pytest.fixture(scope="session")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder; its recipe and texts are in the parent folder."""
    return train_in(tmp_path_factory.mktemp("translator"), TRANSLATOR)


@pytest.fixture(scope="session")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder; its recipe and texts are in the parent folder."""
    return train_in(tmp_path_factory.mktemp("language"), LANGUAGE_MODEL)
