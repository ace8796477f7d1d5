"""A translator, trained once by the command."""

from __future__ import annotations

from tests.cli.conftest import translator as translator
