"""The recipe's section `data`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from seqlstm.config.base import NotNegative, Probability, Section, Two
from seqlstm.config.components import check_options


class TokenBatchingConfig(Section):
    """Sentences of like length together, padded, up to a budget of tokens.

    `tokens`: rows times the longest row of a batch, at most. `window`: pairs that are shuffled,
    encoded and sorted together.
    """

    kind: Literal["buckets"] = "buckets"
    tokens: PositiveInt = 2500
    window: PositiveInt = 32768


class StreamBatchingConfig(Section):
    """The text as `rows` parallel streams, read in spans; the state goes on from span to span.

    `spread`: standard deviation of spans of random length, one in twenty about half as long; the
    rate goes with the length (Merity, Keskar & Socher, 2018). `resets`: start afresh where a
    document begins. `afresh`: the chance that a span starts from a fresh state, so that the model
    knows how to begin: one that always carried its state may begin badly.
    """

    kind: Literal["tapes"] = "tapes"
    rows: PositiveInt = 32
    span: PositiveInt = 64
    spread: NotNegative = 0.0
    resets: bool = False
    afresh: Probability = 0.0


class SplitsConfig(Section):
    """The names of the three splits, as the source calls them."""

    train: str = "train"
    validation: str = "validation"
    test: str = "test"


class DataConfig(Section):
    """Where the text comes from.

    `source`: a Hub id, a folder, a file, files by split, or a built-in source. `name`, `revision`:
    of a set on the Hub. `pair`: source and target column of a translator; `text`: the column of a
    language model, and `answer`: the column of what alone is asked of it, said after the text.
    `options`: of a generated source. `unit`: a row of text is a document, ended by </s>, or a line
    of one long text, ended by a newline. `longest`: pieces of a sentence, or of a text with its
    answer; longer pairs are dropped from training. `ratio`: of the longer to the shorter side of a
    training pair, at most.
    """

    source: str | dict[str, str | list[str]]
    name: str | None = None
    revision: str | None = None
    pair: Two[str] | None = None
    text: str | None = None
    answer: str | None = None
    options: dict[str, Any] | None = None
    unit: Literal["document", "line"] = "document"
    splits: SplitsConfig = SplitsConfig()
    layout: Annotated[TokenBatchingConfig | StreamBatchingConfig, Field(discriminator="kind")]
    longest: PositiveInt = 256
    ratio: Annotated[float, Field(ge=1)] | None = None
    drop_duplicates: bool = False

    @field_validator("options")
    @classmethod
    def known_options(
        cls, options: dict[str, Any] | None, info: ValidationInfo
    ) -> dict[str, Any] | None:
        tasks, source = (info.context or {}).get("source"), info.data.get("source")
        if options is None or tasks is None or source is None:
            return options
        if not isinstance(source, str) or source not in tasks:
            raise ValueError(f"cannot take effect: options are for {', '.join(tasks)}")
        check_options(source, tasks[source], options)
        return options
