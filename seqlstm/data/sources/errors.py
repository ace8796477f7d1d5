"""Errors of `datasets`, translated into a DataError with a hint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from seqlstm.errors import DataError, UserError

LOCAL_HINT = "If you have it as files, name them instead: data.source=FOLDER (or a file)."
CONVERTED_HINT = (
    'The Hub keeps a converted copy of most such sets: revision = "refs/convert/parquet".'
)


class UnreachableError(Exception):
    """The Hub cannot be reached, and the data set is not in the cache."""


@contextmanager
def translate_errors(where: str) -> Iterator[None]:
    """Translate every exception of `datasets` into a DataError."""
    try:
        yield
    except UserError:
        raise
    except UnreachableError as error:
        raise DataError(
            f"The Hugging Face Hub was asked for the data set {where} and could not be reached "
            f"({error}).",
            hint=LOCAL_HINT,
        ) from None
    except Exception as error:
        message = f"{where} cannot be read: {_reason(error)}"
        raise DataError(message, hint=_hint(str(error))) from error


def _reason(error: BaseException) -> str:
    """The message of the first cause; `datasets` wraps it in general exceptions."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().split("\n")[0] or type(error).__name__


def _hint(message: str) -> str | None:
    if "scripts are no longer supported" in message:
        return CONVERTED_HINT
    if "Config name is missing" in message:
        return "Pick one of its configurations with data.name."
    if "gated" in message:
        return "Accept its terms on its page and log in with `hf auth login`. " + LOCAL_HINT
    return None
