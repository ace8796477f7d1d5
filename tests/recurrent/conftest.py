"""Machine code that is made anew for one test."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from seqlstm.recurrent.engines import native, source


@pytest.fixture
def forget_code(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on the test compiles what it needs; what other tests compiled stays theirs."""

    def forget() -> None:
        build = cache(source.build.__wrapped__)
        for module in (source, native):
            monkeypatch.setattr(module, "build", build)

    return forget
