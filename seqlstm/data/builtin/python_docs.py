"""The built-in source "python-docs": the documentation that every CPython carries.

Its documents are the docstrings of the standard library, a module each, and the topics of `help()`:
about 300,000 words of real text under the PSF licence, with no network and no file to fetch.
"""

from __future__ import annotations

import ast
import inspect
import sysconfig
import warnings
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

from seqlstm.errors import DataError

SPLITS = ("train", "validation", "test")
_NOT_THE_LIBRARY = {
    "__phello__",
    "__pycache__",
    "_bundled",
    "dist-packages",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tests",
    "turtledemo",
}


def rows(split: str) -> list[str]:
    """The documents of a split, in the order of their names; their lines end in "\\n".

    The split of a document follows from its name, about 90, 5 and 5 per cent of them.
    The same for the same version of CPython.

    Args:
        split: train, validation or test.

    Raises:
        DataError: this Python was installed without the sources of its library.
    """
    return [text for name, text in documents().items() if _split_of(name) == split]


@cache
def documents() -> dict[str, str]:
    """Every document by its name, such as "json.decoder" or "topics/LOOPING"; no docstring twice.

    Raises:
        DataError: this Python was installed without the sources of its library.
    """
    library = Path(sysconfig.get_path("stdlib"))
    seen: set[str] = set()
    found = {**_modules(library, seen), **_topics(seen)}
    return dict(sorted(found.items()))


def _modules(library: Path, seen: set[str]) -> dict[str, str]:
    paths = sorted(path for path in library.rglob("*.py") if _belongs(path.relative_to(library)))
    if not paths:
        raise DataError(
            f'"python-docs": this Python has no library sources in {library}.',
            hint="Use a CPython installed with its sources, or another data.source.",
        )
    texts = {_name(path.relative_to(library)): _text(path, seen) for path in paths}
    return {name: text for name, text in texts.items() if text}


def _belongs(path: Path) -> bool:
    folders = path.parts[:-1]
    return not any(
        folder in _NOT_THE_LIBRARY or folder.startswith(("config-", "lib-")) for folder in folders
    )


def _name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _text(path: Path, seen: set[str]) -> str:
    """All docstrings of a module that were not seen before, one blank line between them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old modules' invalid escapes are not ours to report
        tree = ast.parse(path.read_bytes())
    return "\n\n".join(_new(_docstrings(tree), seen))


def _docstrings(tree: ast.AST) -> Iterator[str]:
    """In the order of the source, so that a class comes before its methods."""
    if isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield ast.get_docstring(tree, clean=False) or ""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.stmt):
            yield from _docstrings(child)


def _new(texts: Iterator[str], seen: set[str]) -> Iterator[str]:
    for text in texts:
        clean = inspect.cleandoc(text).strip()
        if clean and clean not in seen and _is_unicode(clean):
            seen.add(clean)
            yield clean


def _is_unicode(text: str) -> bool:
    """Whether it can be written as UTF-8: the docstrings on surrogates hold some of them bare."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _topics(seen: set[str]) -> dict[str, str]:
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise DataError('"python-docs": this Python comes without pydoc_data.topics.') from None
    texts = {f"topics/{name}": "".join(_new(iter([topics[name]]), seen)) for name in sorted(topics)}
    return {name: text for name, text in texts.items() if text}


def _split_of(name: str) -> str:
    percentile = int.from_bytes(sha256(name.encode()).digest()[:8], "big") % 100
    return SPLITS[(percentile >= 90) + (percentile >= 95)]
