"""Errors of `datasets`, translated into a DataError with a hint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqlstm.errors import DataError, UserError

LOCAL_HINT = "If you have it as files, name them instead: data.source=FOLDER (or a file)."
CONVERTED_HINT = (
    'The Hub keeps a converted copy of most such sets: revision = "refs/convert/parquet".'
)


class UnreachableError(Exception):
    """The Hub cannot be reached, and the data set is not in the cache."""


@contextmanager
def translate_errors(where: str) -> Iterator[None]:
    """Translate every exception of `datasets` into a DataError.

    Args:
        where: the data set, for the message.

    Raises:
        UserError: the one raised within the context, as it is.
        DataError: for any other exception.
    """
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
        _check_cache(error)
        message = f"{where} cannot be read: {_reason(error)}"
        raise DataError(message, hint=_hint(str(error))) from error


def _check_cache(error: BaseException) -> None:
    """Raise a DataError if the cause is a folder of the cache that cannot be written."""
    import datasets

    if not isinstance(error, OSError) or not error.filename:
        return
    for cache in (datasets.config.HF_DATASETS_CACHE, datasets.config.HF_CACHE_HOME):
        path, folder = Path(str(error.filename)), Path(str(cache))
        if path.is_relative_to(folder) or folder.is_relative_to(path):
            raise DataError(
                f"the cache of data sets cannot be written: {path}: {error.strerror}",
                hint="Set HF_HOME to a folder that can be written.",
            ) from error


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
