"""Recurrent models of text: LSTM language models and translators.

model = seqlstm.load("runs/dates")
model.translate(["May 5, 2031"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqlstm._version import __version__

__all__ = ["Past", "__version__", "load"]

if TYPE_CHECKING:
    from seqlstm.inference.past import Past
    from seqlstm.recipe.load import load


def __getattr__(name: str) -> Any:
    # Imported on first use, so that `seqlstm --version` and `--help` do not wait for torch.
    if name == "load":
        from seqlstm.recipe.load import load

        return load
    if name == "Past":
        from seqlstm.inference.past import Past

        return Past
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
