"""The C compiler: kernels are compiled when they are first used, and cached per user."""

from __future__ import annotations

import ctypes
import json
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from seqlstm.kernels.library_cache import (
    cache_folder,
    load_cached,
    load_library,
    store,
    warn_once,
)

MACHINE = "Linux on x86_64"
COMPILERS = ("gcc", "cc")
CACHE_FORMAT = 2
"""Number of the form of cached files: a library, and its digest."""
# No traps and no errno, so that the compiler can vectorize loops.
FLAGS = (
    *("-O3", "-march=native", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math"),
    *("-fopenmp", "-shared", "-fPIC"),
)
HEADERS = ("scalar_math.h", "packed_gemm.h")
"""Any program can include them; both need the macro REAL, the type of sums."""
C_TYPES = {torch.float32: "float", torch.float64: "double", torch.bfloat16: "bfloat16"}
LONG, POINTER = ctypes.c_long, ctypes.c_void_p


class Kernel:
    """A C program of this folder, compiled for each combination of types that is used.

    Args:
        file: its name; nothing is read before the first use.
        functions: by name, the types of the arguments and of the result.
        types: macros that stand for types in the program.
        variables: names of the program's variables that are read.

    Attributes:
        library: function from a torch type for each macro to the loaded library; cached. None where
            it cannot be compiled or was not measured.
    """

    def __init__(
        self,
        file: str,
        functions: Mapping[str, tuple[Sequence[Any], Any]],
        *,
        types: Sequence[str] = (),
        variables: Sequence[str] = (),
    ) -> None:
        self.file = file
        self.functions = functions
        self.symbols = [*functions, *variables]
        self.types = types
        self.library: Callable[..., ctypes.CDLL | None] = cache(self.load)

    def load(self, *types: torch.dtype) -> ctypes.CDLL | None:
        """`library` without the cache."""
        if unsupported_machine() or not C_TYPES.keys() >= set(types):
            return None
        macros = {macro: C_TYPES[dtype] for macro, dtype in zip(self.types, types, strict=True)}
        try:
            texts = {self.file: read_source(self.file)}
            library = compile_program(self.file, texts, macros, symbols=self.symbols)
        except OSError:
            return None
        for name, (arguments, result) in self.functions.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, result
        return library


@cache
def read_source(name: str) -> str:
    """The text of a C file of this folder.

    Raises:
        OSError: there is no such file.
    """
    return (files(__package__) / name).read_text(encoding="utf-8")


def compile_program(
    name: str, texts: Mapping[str, str], macros: Mapping[str, str], *, symbols: Sequence[str] = ()
) -> ctypes.CDLL:
    """Compile and load a C program, or load it from the cache.

    It shares torch's threads: the process has one OpenMP library, which torch has loaded.

    Args:
        name: the file to compile.
        texts: of that file and of the files that it includes (without `HEADERS`), by name.
        macros: their values by name.
        symbols: the functions and variables that it must have.

    Raises:
        OSError: there is no compiler, the compiler fails, or a file cannot be read or loaded.
    """
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise OSError(f"there is neither {' nor '.join(COMPILERS)}")
    definitions = [f"-D{macro}={value}" for macro, value in macros.items()]
    texts = {**{header: read_source(header) for header in HEADERS}, **texts}
    cached = cache_path(compiler, name, definitions, texts)
    if cached is not None:
        try:
            return load_cached(cached, symbols)
        except FileNotFoundError:
            pass
        except OSError as error:
            warn_once("cache", f"a cached C program is not used, it is compiled again: {error}")
    with tempfile.TemporaryDirectory(prefix="seqlstm-", ignore_cleanup_errors=True) as folder:
        for file, text in texts.items():
            Path(folder, file).write_text(text, encoding="utf-8")
        library = Path(folder, name).with_suffix(".so")
        command = [compiler, *FLAGS, *definitions, f"{folder}/{name}", "-o", str(library), "-lm"]
        process = subprocess.run(command, capture_output=True, check=False)
        if process.returncode:
            message = process.stderr.decode("utf-8", "replace").strip() or process.returncode
            raise OSError(f"{compiler} says: {message}")
        if cached is not None:
            with suppress(OSError):  # a full disk, a read-only folder
                store(library.read_bytes(), cached)
        return load_new(library, cached, symbols)


def load_new(library: Path, cached: Path | None, symbols: Sequence[str]) -> ctypes.CDLL:
    """Load a library that was compiled just now; once loaded, it no longer needs its file.

    Where nothing can be mapped from the folder of temporary files, such as one that is mounted
    "noexec", it is loaded from the cache.

    Raises:
        OSError: it cannot be loaded from either.
    """
    try:
        return load_library(str(library), symbols)
    except OSError as error:
        if cached is not None:
            with suppress(OSError):
                return load_cached(cached, symbols)
        problem = f"compiled programs cannot be loaded: {error}"
        warn_once("loading", f"{problem}; slower code in PyTorch runs instead")
        raise OSError(problem) from error


def cache_path(
    compiler: str, name: str, definitions: Sequence[str], texts: Mapping[str, str]
) -> Path | None:
    """The cached library's path, named by a digest of its inputs; None for users without a home."""
    binary = Path(compiler).resolve().stat()
    inputs = [*FLAGS, *definitions, name, compiler, binary.st_size, binary.st_mtime_ns, processor()]
    text = json.dumps([CACHE_FORMAT, inputs, sorted(texts.items())])
    folder = cache_folder()
    digest = sha256(text.encode()).hexdigest()
    return folder and folder / f"{Path(name).stem}-{digest[:32]}.so"


@cache
def processor() -> str:
    """The processor's model and features, on which `-march=native` depends."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    fields = ("model name", "cpu family", "model\t", "flags", "cache size")
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(fields)))


def unsupported_machine() -> str | None:
    """The reason why nothing is compiled on this machine; None where the kernels were measured."""
    machine = f"{platform.system()} on {platform.machine()}"
    return (
        None if machine == MACHINE else f"it was measured under {MACHINE} alone, this is {machine}"
    )
