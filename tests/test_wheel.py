"""The wheel contains recipes and tokenizers; installed, it trains without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import seqlstm

CHECKOUT = Path(seqlstm.__file__).parents[1]

pytest.importorskip("hatchling")
pytest.importorskip("pip")


def run(*command: object, at: Path) -> str:
    """Standard output of a command that must succeed, run without the checkout on its path."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    process = subprocess.run(
        list(map(str, command)),
        cwd=at,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    run(sys.executable, "-m", "pip", "wheel", *options, "-w", folder, CHECKOUT, at=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with the wheel; a .pth file leads to the dependencies."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=os.name == "posix", with_pip=False)
    scripts = folder / ("bin" if os.name == "posix" else "Scripts")
    python = scripts / Path(sys.executable).name
    options = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, at=folder)
    # .pth files inside that path are not read, so an editable install of seqlstm is not found.
    path = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(run(python, "-c", path, at=folder).strip())
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    return python


def test_contents_of_the_wheel(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert top == {"seqlstm", f"seqlstm-{seqlstm.__version__}.dist-info"}
    for folder, pattern in (("recipes", "*.toml"), ("tokenizers", "*.model")):
        for path in (CHECKOUT / folder).glob(pattern):
            assert f"seqlstm/{folder}/{path.name}" in names
    assert "seqlstm/recipes/dates-en-de.toml" in names
    assert not [name for name in names if "__pycache__" in name]


def test_recipes_are_read_from_the_installed_package(installed: Path, tmp_path: Path) -> None:
    code = "from seqlstm.recipe.shipped import shipped_folder; print(shipped_folder('recipes'))"
    recipes = Path(run(installed, "-c", code, at=tmp_path).strip())
    assert recipes.is_relative_to(installed.parents[1])
    assert (recipes.parent / "cli" / "app.py").is_file()
    assert "dates-en-de" in run(installed.with_name("seqlstm"), "recipes", at=tmp_path)


def test_training_without_a_checkout(installed: Path, tmp_path: Path) -> None:
    tiny = (
        "data.splits.train=train[:200]",
        "tokenizer.vocab_size=400",
        "data.batching.max_tokens=300",
    )
    short = ("training.minutes=", "training.steps=2")
    run(installed, "-m", "seqlstm", "train", "dates-en-de", *tiny, *short, at=tmp_path)
    assert (tmp_path / "runs" / "dates-en-de" / "last.safetensors").is_file()
