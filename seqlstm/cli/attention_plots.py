"""Heat maps of where a translator looked, while it translates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqlstm.cli.console import note
from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.analysis.attention_maps import AttentionMap
    from seqlstm.inference.line_batches import Translation
    from seqlstm.inference.translator import LoadedTranslator

MOST = 20  # sentences in one picture


class AttentionPlots:
    """Gathers the maps of the best translations of lines, to be drawn into a file.

    Args:
        loaded: the translator.
        file: .png, .svg or .pdf.

    Raises:
        ArgumentError: an ensemble, whose models look each for itself.
    """

    def __init__(self, loaded: LoadedTranslator, file: Path) -> None:
        if len(loaded.ensemble.models) > 1:
            raise ArgumentError(
                "--attention cannot take effect with --with: each run has an attention of its own"
            )
        self.loaded = loaded
        self.file = file
        self.maps: list[AttentionMap] = []

    def add(self, lines: Sequence[str], found: Sequence[Sequence[Translation]]) -> None:
        """Those of some lines; empty ones have none.

        Raises:
            ArgumentError: the model has no attention, or there are more lines than one can see.
        """
        from seqlstm.analysis.attention_maps import attention_map

        for line, (best, *_) in zip(lines, found, strict=True):
            if line.strip():
                self.maps.append(attention_map(self.loaded, line, best.ids))
        if len(self.maps) > MOST:
            raise ArgumentError(f"--attention draws at most {MOST} sentences")

    def draw(self) -> None:
        """Write the picture.

        Raises:
            ArgumentError: there was no line, or a file that matplotlib cannot draw.
        """
        from seqlstm.plots.attention import plot_attention

        if not self.maps:
            raise ArgumentError("--attention found no line to draw")
        plot_attention(
            [one.weights for one in self.maps],
            source_pieces=[one.source_pieces for one in self.maps],
            target_pieces=[one.target_pieces for one in self.maps],
            file=self.file,
        )
        note(f"attention: {self.file}")
