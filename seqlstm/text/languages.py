"""Language codes, such as `en`, `en-US` and `en_us`."""

from __future__ import annotations

from collections.abc import Iterable


def matching(language: str, available: Iterable[str]) -> list[str]:
    """The codes that name a language.

    Those equal to it; if there are none, its regional forms; if there are none either, the
    language that it is a regional form of. Letter case does not count, and `_` is `-`.
    """
    wanted = normal(language)
    codes = {code: normal(code) for code in available if code} if wanted else {}
    return (
        [code for code, found in codes.items() if found == wanted]
        or [code for code, found in codes.items() if found.startswith(f"{wanted}-")]
        or [code for code, found in codes.items() if wanted.startswith(f"{found}-")]
    )


def normal(language: str) -> str:
    """A code in the one form in which codes are compared."""
    return language.casefold().replace("_", "-")
