"""All decoders with all kinds of attention that they can have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import pytest

from seqlstm.models.attention import ATTENTIONS
from seqlstm.models.translator import Translator
from tests.models.cases import VOCABULARY
from tests.tiny import DECODERS, random_translator, translator


@dataclass(frozen=True)
class Writer:
    """A translator's decoder."""

    decoder: str
    attention: str = "general"
    coverage: bool = False
    bridge: bool = False
    lexical: bool = False

    def __str__(self) -> str:
        options = [name for name in ("coverage", "bridge", "lexical") if getattr(self, name)]
        return "-".join([self.decoder, self.attention, *options])

    @property
    def options(self) -> dict[str, Any]:
        """The options of `tests.tiny.translator` for it."""
        attention = partial(ATTENTIONS[self.attention], heads=2, coverage=self.coverage)
        return {
            "decoder": self.decoder,
            "attention": attention,
            "bridge": self.bridge,
            "lexical": self.lexical,
        }

    def random(self, **options: Any) -> Translator:
        """In float64 and evaluation mode, random in every parameter."""
        return random_translator(VOCABULARY, **self.options, **options)

    def untrained(self, **options: Any) -> Translator:
        return translator(VOCABULARY, **self.options, **options)


STEPWISE = ("input-feeding", "bahdanau")
WRITERS = [
    Writer(decoder, attention, coverage, bridge)
    for decoder, attention, coverage, bridge in product(
        DECODERS, ATTENTIONS, (False, True), (False, True)
    )
    if decoder != "plain" and (decoder in STEPWISE or not coverage)
]
WRITERS += [Writer(decoder, lexical=True) for decoder in DECODERS if decoder != "plain"]
WRITERS.append(Writer("plain"))

every_writer = pytest.mark.parametrize("writer", WRITERS, ids=str)
every_attentive_writer = pytest.mark.parametrize("writer", WRITERS[:-1], ids=str)
every_decoder = pytest.mark.parametrize("writer", [Writer(kind) for kind in DECODERS], ids=str)
