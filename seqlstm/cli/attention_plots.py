"""Heat maps of a translator's attention, collected while it translates."""

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

MAX_SENTENCES = 20  # in one picture


class AttentionPlots:
    """Collects the attention maps of the best translations and draws them into a file.

    Args:
        loaded: the translator.
        file: .png, .svg or .pdf.

    Raises:
        ArgumentError: the translator is an ensemble, where each model has its own attention.
    """

    def __init__(self, loaded: LoadedTranslator, file: Path) -> None:
        if len(loaded.ensemble.models) > 1:
            raise ArgumentError(
                "--attention cannot take effect with --with: each run has its own attention"
            )
        self.loaded = loaded
        self.file = file
        self.maps: list[AttentionMap] = []

    def add(self, lines: Sequence[str], translations: Sequence[Sequence[Translation]]) -> None:
        """Add the maps of some lines; an empty line has none.

        Raises:
            ArgumentError: the model has no attention, or there are too many lines for one picture.
        """
        from seqlstm.analysis.attention_maps import attention_map

        for line, (best, *_) in zip(lines, translations, strict=True):
            if line.strip():
                self.maps.append(attention_map(self.loaded, line, best.ids))
        if len(self.maps) > MAX_SENTENCES:
            raise ArgumentError(
                f"--attention draws at most {MAX_SENTENCES} sentences, and there are more"
            )

    def draw(self) -> None:
        """Write the picture file.

        Raises:
            ArgumentError: every line was empty, or matplotlib cannot write such a file.
        """
        from seqlstm.plots.attention import plot_attention

        if not self.maps:
            raise ArgumentError("--attention has no line to draw: every line is empty")
        plot_attention(
            [attention.weights for attention in self.maps],
            source_pieces=[attention.source_pieces for attention in self.maps],
            target_pieces=[attention.target_pieces for attention in self.maps],
            file=self.file,
        )
        note(f"attention: {self.file}")
