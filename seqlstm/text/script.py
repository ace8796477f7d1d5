"""The script of a text, and whether it has spaces between words.

Only the scripts that some score treats differently have a name; all others count as one.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

OTHER = "other"  # with spaces between words
WITHOUT_SPACES = ("Han", "Japanese", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")
KANA_SHARE = 0.05  # Chinese text may quote some kana; Japanese text has 20 % and more
SEGMENTED = 8  # characters for each gap: fewer where a text was cut into words beforehand
# The words with which the Unicode names of letters begin.
NAMES = {
    "CJK": "Han",
    "HIRAGANA": "kana",
    "KATAKANA": "kana",
    "HANGUL": "Hangul",
    "THAI": "Thai",
    "LAO": "Lao",
    "KHMER": "Khmer",
    "MYANMAR": "Myanmar",
    "TIBETAN": "Tibetan",
}


def main_script(texts: Iterable[str]) -> str:
    """The script of most letters: one of `WITHOUT_SPACES`, "Hangul" or `OTHER`.

    Han characters with kana are Japanese.
    """
    counts = count_letters(texts)
    kana, han = counts.pop("kana", 0), counts.pop("Han", 0)
    counts["Japanese" if kana > KANA_SHARE * (kana + han) else "Han"] = kana + han
    script, count = counts.most_common(1)[0]
    return script if count else OTHER


def count_letters(texts: Iterable[str]) -> Counter[str]:
    """The number of letters of each script in `NAMES`, and of all others together."""
    counts: Counter[str] = Counter()
    for character, count in Counter("".join(texts)).items():
        if character.isalpha():
            name = unicodedata.name(character, "").removeprefix("HALFWIDTH ")
            counts[NAMES.get(name.partition(" ")[0], OTHER)] += count
    return counts


def has_letters_without_spaces(text: str) -> bool:
    """Whether a letter is of a script that has no spaces between words."""
    return not count_letters([text]).keys() <= {OTHER, "Hangul"}


def lacks_spaces(texts: Sequence[str]) -> bool:
    """Whether white space does not separate the words of a text, as in Chinese or Thai."""
    gaps = sum(max(len(text.split()) - 1, 0) for text in texts)
    characters = sum(map(len, texts))
    return gaps * SEGMENTED < characters and main_script(texts) in WITHOUT_SPACES
