"""Fixtures of several folders: the random seed, a small tokenizer, compilation of cells."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import CDLL
from functools import cache

import pytest
import torch

from seqlstm.kernels import compiler, recurrence
from seqlstm.recurrent.backends.native import backend, codegen
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.train_tokenizer import train_tokenizer
from tests.tiny import LINES, PAIRS

build_unoptimised = cache(recurrence.build.__wrapped__)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Each test starts from the same random seed, whichever tests ran before."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """A vocabulary so small that models sample most of it; without byte pieces, all of it text."""
    lines = [*LINES, *(target for _, target in PAIRS)]
    return train_tokenizer(lines, model_type="unigram", vocab_size=75, byte_fallback=False)


@pytest.fixture
def clear_native_cache(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function that empties the cache of compiled code, for the rest of this test only."""

    def clear() -> None:
        build = cache(recurrence.build.__wrapped__)
        monkeypatch.setattr(codegen, "build", build)
        use_build(build, monkeypatch)

    return clear


def use_build(build: Callable[..., CDLL], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the native backend compile with `build`, with an empty cache."""
    monkeypatch.setattr(recurrence, "build", build)
    monkeypatch.setattr(backend, "native", cache(recurrence.native.__wrapped__))


@pytest.fixture
def unoptimised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile without optimisation, in a quarter of the time: for tests that run many cells once.

    The optimised code is tested by test_backends, test_native and test_native_code.
    """
    monkeypatch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "-O0"))  # the last -O option counts
    use_build(build_unoptimised, monkeypatch)
