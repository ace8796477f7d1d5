"""What tests of several folders share: seeds, a small tokenizer, how cells become machine code."""

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

built_unoptimised = cache(recurrence.build.__wrapped__)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """What a test draws is the same in every run, alone or after others."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """Without bytes: so few ids that most of them are drawn, and each of them is text."""
    lines = [*LINES, *(target for _, target in PAIRS)]
    return train_tokenizer(lines, model_type="unigram", vocab_size=75, byte_fallback=False)


@pytest.fixture
def forget_code(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on the test compiles what it needs; what other tests compiled stays theirs."""

    def forget() -> None:
        build = cache(recurrence.build.__wrapped__)
        monkeypatch.setattr(codegen, "build", build)
        build_by(build, monkeypatch)

    return forget


def build_by(build: Callable[..., CDLL], monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend's code comes from `build`, and none that it has already."""
    monkeypatch.setattr(recurrence, "build", build)
    monkeypatch.setattr(backend, "native", cache(recurrence.native.__wrapped__))


@pytest.fixture
def unoptimised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiles the same C in a quarter of the time: for many cells, each of them run once or twice.

    That the optimised code is right, test_backends, test_compiled and test_machine_code try.
    """
    monkeypatch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "-O0"))  # of several the last counts
    build_by(built_unoptimised, monkeypatch)
