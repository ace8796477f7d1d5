"""Translations of lines as lines: plain, numbered, with scores, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from seqlstm.cli.console import write
from seqlstm.cli.decoding_options import TranslateLines

if TYPE_CHECKING:
    from seqlstm.inference.line_batches import Translation


def show(
    translate_lines: TranslateLines,
    lines: list[str],
    first: int,
    *,
    scores: bool,
    as_json: bool,
    numbered: bool,
    emit: Callable[[str], None] = write,
) -> list[list[Translation]]:
    """Translate and print lines, the first of which has the number `first`, from 0.

    Returns:
        The translations of each line, best first.
    """
    translations = translate_lines(lines, first)
    for number, (line, best) in enumerate(zip(lines, translations, strict=True), first + 1):
        if as_json:
            emit(json.dumps(as_object(line, best), ensure_ascii=False))
            continue
        for translation in best:
            columns = [str(number)] if numbered else []
            if scores:
                columns += [f"{translation.score:.4f}", f"{translation.log_probability:.4f}"]
            emit("\t".join([*columns, translation.text]))
    return translations


def as_object(line: str, best: list[Translation]) -> dict[str, Any]:
    return {
        "source": line,
        "translations": [
            {
                "text": translation.text,
                "score": translation.score,
                "log_probability": translation.log_probability,
            }
            for translation in best
        ],
    }
