"""The built-in source "python-docs": the documentation that every CPython contains.

Its documents are the docstrings of the standard library, one document a module, and the topics of
`help()`: about 300,000 words of real text under the PSF licence, without a download.
"""

from __future__ import annotations

import ast
import inspect
import sysconfig
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from seqlstm.data.builtin.hash_split import hash_split
from seqlstm.errors import DataError

SPLITS = ("train", "validation", "test")
_EXCLUDED_FOLDERS = {
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

    The split of a document depends only on its name: about 90, 5 and 5 per cent. Equal versions of
    CPython have equal documents.

    Args:
        split: train, validation or test.

    Raises:
        DataError: this Python was installed without the sources of its library.
    """
    return [text for name, text in documents().items() if hash_split(name, test_percent=5) == split]


@cache
def documents() -> dict[str, str]:
    """Every document by its name, such as "json.decoder" or "topics/LOOPING".

    A docstring that occurs several times is only in the first document.

    Raises:
        DataError: this Python was installed without the sources of its library.
    """
    library = Path(sysconfig.get_path("stdlib"))
    seen: set[str] = set()
    texts = {**_modules(library, seen), **_topics(seen)}
    return dict(sorted(texts.items()))


def _modules(library: Path, seen: set[str]) -> dict[str, str]:
    paths = sorted(path for path in library.rglob("*.py") if _in_library(path.relative_to(library)))
    if not paths:
        raise DataError(
            f'"python-docs": this Python has no library sources in {library}.',
            hint="Use a CPython installed with its sources, or another data.source.",
        )
    texts = {_name(path.relative_to(library)): _text(path, seen) for path in paths}
    return {name: text for name, text in texts.items() if text}


def _in_library(path: Path) -> bool:
    folders = path.parts[:-1]
    return not any(
        folder in _EXCLUDED_FOLDERS or folder.startswith(("config-", "lib-")) for folder in folders
    )


def _name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _text(path: Path, seen: set[str]) -> str:
    """The docstrings of a module that are not in `seen`, with a blank line between them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about invalid escapes in old modules
        tree = ast.parse(path.read_bytes())
    return "\n\n".join(_unseen(_docstrings(tree), seen))


def _docstrings(tree: ast.AST) -> Iterator[str]:
    """All docstrings in source order: a class before its methods."""
    if isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield ast.get_docstring(tree, clean=False) or ""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.stmt):
            yield from _docstrings(child)


def _unseen(texts: Iterator[str], seen: set[str]) -> Iterator[str]:
    for text in texts:
        clean = inspect.cleandoc(text).strip()
        if clean and clean not in seen and _is_unicode(clean):
            seen.add(clean)
            yield clean


def _is_unicode(text: str) -> bool:
    """Whether the text can be encoded as UTF-8: some docstrings contain lone surrogates."""
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
    texts = {
        f"topics/{name}": "".join(_unseen(iter([topics[name]]), seen)) for name in sorted(topics)
    }
    return {name: text for name, text in texts.items() if text}
