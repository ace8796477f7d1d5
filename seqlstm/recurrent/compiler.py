"""The machine's C compiler, for programs that are written or made here."""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

MACHINE = "Linux on x86_64"
COMPILERS = ("gcc", "cc")
# Comparisons trap nothing and functions set no errno: loops over units vectorise.
FLAGS = (
    *("-O3", "-march=native", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math"),
    *("-fopenmp", "-shared", "-fPIC"),
)
# Every program may read them; they need to know REAL, the type in which it computes.
HEADERS = {
    name: (files(__package__) / name).read_text(encoding="utf-8")
    for name in ("numbers.h", "products.h")
}


def compile_program(name: str, texts: Mapping[str, str], defined: Mapping[str, str]) -> ctypes.CDLL:
    """Compile a C program, and load it.

    Its threads are torch's: gcc's code asks for the one OpenMP of the process, which torch brought.

    Args:
        name: the text to compile.
        texts: by file name; it and what it includes beside `HEADERS`.
        defined: macros and their values.

    Raises:
        OSError: there is no compiler, it fails, or the library cannot be loaded.
    """
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise OSError(f"there is neither {' nor '.join(COMPILERS)}")
    macros = [f"-D{macro}={value}" for macro, value in defined.items()]
    # Loaded, the library needs its file no more.
    with tempfile.TemporaryDirectory(prefix="seqlstm-", ignore_cleanup_errors=True) as folder:
        for each, text in {**HEADERS, **texts}.items():
            Path(folder, each).write_text(text, encoding="utf-8")
        library = Path(folder, name).with_suffix(".so")
        command = [compiler, *FLAGS, *macros, f"{folder}/{name}", "-o", str(library), "-lm"]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip() or done.returncode
            raise OSError(f"{compiler} says: {said}")
        return ctypes.CDLL(str(library))


def wrong_machine() -> str | None:
    """Why nothing is compiled on this machine, in words; None where all was measured."""
    machine = f"{platform.system()} on {platform.machine()}"
    return (
        None if machine == MACHINE else f"it was measured under {MACHINE} alone, this is {machine}"
    )
