"""The machine's C compiler, for programs that are written or made here."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

MACHINE = "Linux on x86_64"
COMPILERS = ("gcc", "cc")
MOST_KEPT = 500
"""Libraries of 30 to 60 kB each."""
# Comparisons trap nothing and functions set no errno: loops over units vectorise.
FLAGS = (
    *("-O3", "-march=native", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math"),
    *("-fopenmp", "-shared", "-fPIC"),
)
# Every program may read them; they need to know REAL, the type in which it computes.
HEADERS = {
    name: (files(__package__) / name).read_text(encoding="utf-8")
    for name in ("scalar_math.h", "packed_gemm.h")
}


def compile_program(name: str, texts: Mapping[str, str], defined: Mapping[str, str]) -> ctypes.CDLL:
    """Load a C program, compiled now or by an earlier process of this user's on such a machine.

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
    texts = {**HEADERS, **texts}
    kept = library_place(compiler, name, macros, texts)
    if kept is not None:
        with suppress(OSError):  # not there, not ours to read, or damaged
            return load_own(kept)
    with tempfile.TemporaryDirectory(prefix="seqlstm-", ignore_cleanup_errors=True) as folder:
        for each, text in texts.items():
            Path(folder, each).write_text(text, encoding="utf-8")
        library = Path(folder, name).with_suffix(".so")
        command = [compiler, *FLAGS, *macros, f"{folder}/{name}", "-o", str(library), "-lm"]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip() or done.returncode
            raise OSError(f"{compiler} says: {said}")
        if kept is not None:
            keep(library, kept)
        # Loaded, the library needs its file no more.
        return ctypes.CDLL(str(library))


def optional_program(name: str, text: str, defined: Mapping[str, str]) -> ctypes.CDLL | None:
    """As `compile_program`, of one text; None where it cannot be compiled, or was not measured."""
    if unsupported_machine():
        return None
    try:
        return compile_program(name, {name: text}, defined)
    except OSError:
        return None


def library_place(
    compiler: str, name: str, macros: Sequence[str], texts: Mapping[str, str]
) -> Path | None:
    """Where the library of a program is kept, under a name of all that it depends on; None for a
    user who has no place for such things.
    """
    made_by = Path(compiler).resolve().stat()
    told = [*FLAGS, *macros, name, compiler, made_by.st_size, made_by.st_mtime_ns, processor()]
    digest = sha256(json.dumps([told, sorted(texts.items())]).encode()).hexdigest()
    try:
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # nobody's home
        return None
    return Path(caches, "seqlstm", f"{Path(name).stem}-{digest[:32]}.so")


def load_own(library: Path) -> ctypes.CDLL:
    """Load a library that this user compiled.

    Raises:
        OSError: it is not there, somebody else's, or no library.
    """
    if library.stat().st_uid != os.getuid():
        raise PermissionError(f"somebody else's library: {library}")
    loaded = ctypes.CDLL(str(library))
    with suppress(OSError):  # where nothing may be written
        library.touch()  # it is of use
    return loaded


def keep(library: Path, place: Path) -> None:
    """Put a copy where later processes look for it, at once; it is no matter if that cannot be.

    Beyond `MOST_KEPT` those that were not used for longest make room.
    """
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            shutil.copy(library, folder)
            Path(folder, library.name).replace(place)
        by_use = sorted(place.parent.glob("*.so"), key=lambda path: path.stat().st_mtime)
        for old in by_use[:-MOST_KEPT]:
            old.unlink(missing_ok=True)


@cache
def processor() -> str:
    """What `-march=native` depends on: the processor's features, where Linux tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    told = ("model name", "cpu family", "model\t", "flags", "cache size")
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(told)))


def unsupported_machine() -> str | None:
    """Why nothing is compiled on this machine, in words; None where all was measured."""
    machine = f"{platform.system()} on {platform.machine()}"
    return (
        None if machine == MACHINE else f"it was measured under {MACHINE} alone, this is {machine}"
    )
