"""Without C sources and without a compiler every command runs, on the references."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import seqlstm
from tests.runs import LANGUAGE_MODEL, TRANSLATOR, write_recipe

FEW_STEPS = {"steps = 60": "steps = 40", "validate_every = 20": "validate_every = 40"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package, without its C sources."""
    folder = tmp_path_factory.mktemp("without-c")
    ignored = shutil.ignore_patterns("*.c", "*.h", "__pycache__")
    shutil.copytree(Path(seqlstm.__file__).parent, folder / "seqlstm", ignore=ignored)
    assert not list(folder.rglob("*.c")) + list(folder.rglob("*.h"))
    return folder


def command(package: Path, *arguments: object, text: str = "") -> str:
    """The standard output of the command in a process of its own, with an empty PATH."""
    environment = {"PATH": "", "PYTHONPATH": str(package), "HOME": str(package), "TERM": "dumb"}
    process = subprocess.run(
        [sys.executable, "-m", "seqlstm", *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        cwd=package,
        env=environment,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def trained(package: Path, folder: Path, recipe: str) -> Path:
    for key, few in FEW_STEPS.items():
        assert key in recipe
        recipe = recipe.replace(key, few)
    command(package, "train", write_recipe(folder, recipe), "--run", folder / "run")
    assert not list(package.rglob("*.so"))
    return folder / "run"


def test_a_translator_trains_and_translates(package: Path, tmp_path: Path) -> None:
    run = trained(package, tmp_path, TRANSLATOR.replace("float32", "bfloat16"))
    lines = command(package, "translate", run, text="The child sees the house today.\n" * 2)
    assert len(lines.splitlines()) == 2
    assert lines.strip()


def test_a_language_model_trains_and_generates(package: Path, tmp_path: Path) -> None:
    run = trained(package, tmp_path, LANGUAGE_MODEL)
    assert command(package, "generate", run, "The child", "--seed", 1).strip()
