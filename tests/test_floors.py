"""The layers of the package (floors): a module imports only from floors below its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import seqlstm

PACKAGE = Path(seqlstm.__file__).parent
FLOORS = (
    {"errors"},
    {"kernels", "runtime"},
    {"nn", "text"},
    {"config", "documents", "recurrent"},
    {"models"},
    {"data", "decoding", "training"},
    {"evaluation", "inference", "run"},
    {"analysis", "recipe"},
    {"plots", "sweep"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
HOMES = {
    "sentencepiece": {"text"},
    "datasets": {"data"},
    "pyarrow": {"data"},
    "sacrebleu": {"evaluation"},
    "typer": {"cli"},
    "rich": {"cli"},
    "scipy": {"sweep"},
    "matplotlib": {"plots", "sweep/plot.py"},
    "platformdirs": {"kernels"},
    "ctypes": {"kernels", "runtime"},
    "torch.distributed": {"runtime"},
    "seqlstm.kernels": {"kernels", "nn", "decoding", "models/output", "recurrent/backends/native"},
}
"""The only folders and modules that may import a package."""
# All modules except `seqlstm/__init__.py` and `__main__.py`, which stand above all floors.
MODULES = [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.name[0] != "_"]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Dotted names of all imports of a module, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in MODULES} <= FLOOR.keys()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_come_from_floors_below(path: Path) -> None:
    room = room_of(path)
    for name in imports(path):
        package, *rest = name.split(".")
        if package == "seqlstm" and rest[0] not in (room, "__version__"):
            assert FLOOR[rest[0]] < FLOOR[room], f"{room} imports {name}"


@pytest.mark.parametrize("package", HOMES)
def test_some_packages_are_imported_only_by_their_homes(package: str) -> None:
    homes = [PACKAGE / home for home in HOMES[package]]
    for path in MODULES:
        if not any(path.is_relative_to(home) for home in homes):
            for name in imports(path):
                assert not f"{name}.".startswith(f"{package}."), f"{path} imports {name}"


def test_imports_have_no_cycle() -> None:
    """Imports inside functions and for type checking count too."""
    modules = {dotted(path): path for path in MODULES}
    graph = {
        module: {parent(name, modules) for name in imports(path)} - {module, ""}
        for module, path in modules.items()
    }
    assert set(TopologicalSorter(graph).static_order()) == modules.keys()


def dotted(path: Path) -> str:
    """The dotted name of a module."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def parent(name: str, modules: dict[str, Path]) -> str:
    """The module that an imported name comes from; empty for other packages."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def test_nothing_shadows_the_package_tokenizers() -> None:
    assert not (PACKAGE.parent / "tokenizers" / "__init__.py").exists()
