"""The tokens that BLEU counts: sacreBLEU's tokenizations, and the choice of one by script.

sacreBLEU's default, 13a, splits at white space and punctuation. Where a script has no spaces
between words, a whole line would be one token: even a perfect translation would have BLEU 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS
from sacrebleu.utils import SACREBLEU_DIR

from seqlstm.errors import ArgumentError, nearest
from seqlstm.text.script import OTHER, WITHOUT_SPACES, main_script

AUTO = "auto"
TOKENIZATIONS = tuple(BLEU.TOKENIZERS)
# The first that can be used. Chinese, Japanese and Korean as sacreBLEU itself chooses by language;
# Korean has spaces between its phrases, so 13a is a fair substitute, as Japanese has none.
BY_SCRIPT = {
    OTHER: ("13a",),
    **dict.fromkeys(WITHOUT_SPACES, ("char",)),
    "Han": ("zh",),
    "Japanese": ("ja-mecab", "char"),
    "Hangul": ("ko-mecab", "13a"),
}
# What a tokenization needs, and where it comes from.
NEEDS = {
    "ja-mecab": ("MeCab with its IPA dictionary", 'pip install "sacrebleu[ja]"'),
    "ko-mecab": ("MeCab-ko with its dictionary", 'pip install "sacrebleu[ko]"'),
}


@dataclass(frozen=True)
class Tokenization:
    """A tokenization of sacreBLEU for a text.

    Attributes:
        name: sacreBLEU's.
        reason: of a choice; empty for sacreBLEU's default, and for one that was asked for.
    """

    name: str
    reason: str = ""

    def __str__(self) -> str:
        return f"evaluation.tokenize: {self.name} ({self.reason})"


def choose_tokenization(texts: Iterable[str]) -> Tokenization:
    """The tokenization that suits the script of most letters of the texts."""
    script = main_script(texts)
    reason = "" if script == OTHER else f"most letters of the targets are {script}"
    *preferred, last = BY_SCRIPT[script]
    for name in preferred:
        try:
            make_bleu(name)
        except ArgumentError:
            reason += "; {} would need {}: {}".format(name, *NEEDS[name])
        else:
            return Tokenization(name, reason)
    return Tokenization(last, reason)


def make_bleu(tokenize: str, **options: Any) -> BLEU:
    """sacreBLEU's BLEU with one of its tokenizations.

    Raises:
        ArgumentError: there is no such tokenization, or what it needs is missing.
    """
    if tokenize not in TOKENIZATIONS:
        message = f'tokenize: sacreBLEU has no tokenization "{tokenize}".'
        known = f"Known are {', '.join((AUTO, *TOKENIZATIONS))}."
        raise ArgumentError(message, hint=nearest(tokenize, TOKENIZATIONS) or known)
    try:
        return BLEU(tokenize=tokenize, **options)
    # sacreBLEU raises what its libraries raise, and exits where a download has no certificate.
    except (Exception, SystemExit) as error:
        raise unusable(tokenize, error) from error


def unusable(tokenize: str, error: BaseException) -> ArgumentError:
    """The error for a tokenization that lacks a library, or its SentencePiece model."""
    if tokenize in NEEDS:
        needed, command = NEEDS[tokenize]
        return ArgumentError(f'tokenize = "{tokenize}" needs {needed}.', hint=command)
    url = SPM_MODELS[tokenize]["url"]
    file = Path(SACREBLEU_DIR, "models", Path(url).name)
    return ArgumentError(
        f'tokenize = "{tokenize}" needs a SentencePiece model that sacreBLEU cannot download or '
        f"read: {error}.",
        hint=f"Save {url} as {file}; a damaged file there must be deleted.",
    )
