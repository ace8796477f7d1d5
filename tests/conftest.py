"""One small tokenizer for every test that needs ids of real text."""

from __future__ import annotations

import pytest

from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.train import train_tokenizer
from tests.tiny import LINES, PAIRS


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """Without bytes: so few ids that most of them are drawn, and each of them is text."""
    lines = [*LINES, *(target for _, target in PAIRS)]
    return train_tokenizer(lines, kind="unigram", vocabulary=75, byte_fallback=False)
