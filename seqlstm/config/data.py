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
    """Batches of rows of similar length, padded, up to a budget of tokens.

    `max_tokens`: rows times the longest row of a batch, at most. `shuffle_window`: rows that are
    shuffled, encoded and sorted by length together.
    """

    kind: Literal["tokens"] = "tokens"
    max_tokens: PositiveInt = 2500
    shuffle_window: PositiveInt = 32768


class StreamBatchingConfig(Section):
    """Contiguous streams of text side by side, for truncated back-propagation through time.

    `batch_size`: streams. `bptt`: steps of a batch; the state is carried from batch to batch.
    `bptt_std`: standard deviation of `bptt`, of which one in twenty is about half as long; the
    learning rate is scaled with the length (Merity, Keskar & Socher, 2018). `reset_at_document`:
    start from the initial state where a document begins. `reset_probability`: of starting a batch
    from the initial state; a model that always carried its state may begin a text badly.
    """

    kind: Literal["stream"] = "stream"
    batch_size: PositiveInt = 32
    bptt: PositiveInt = 64
    bptt_std: NotNegative = 0.0
    reset_at_document: bool = False
    reset_probability: Probability = 0.0


class SplitsConfig(Section):
    """The names of the three splits, as the source calls them."""

    train: str = "train"
    validation: str = "validation"
    test: str = "test"


class DataConfig(Section):
    """Where the text comes from.

    `source`: a Hub id, a folder, a file, files by split, or a built-in source. `name`, `revision`:
    of a data set on the Hub. `pair`: source and target column of a translator. `text`: the column
    of a language model. `prompt`, `completion`: the columns of prompts and of what follows them.
    `options`: of a generated source. `unit`: whether a row of text is a document, ended by </s>, or
    a line of one long text, ended by a newline. `max_length`: tokens of a training row's longer
    side, at most; longer rows are left out. `max_length_ratio`: of the longer to the shorter side
    of a training pair, at most.
    """

    source: str | dict[str, str | list[str]]
    name: str | None = None
    revision: str | None = None
    pair: Two[str] | None = None
    text: str | None = None
    prompt: str | None = None
    completion: str | None = None
    options: dict[str, Any] | None = None
    unit: Literal["document", "line"] = "document"
    splits: SplitsConfig = SplitsConfig()
    batching: Annotated[TokenBatchingConfig | StreamBatchingConfig, Field(discriminator="kind")]
    max_length: PositiveInt = 256
    max_length_ratio: Annotated[float, Field(ge=1)] | None = None
    drop_duplicates: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the order in which rows hold them."""
        single = (self.text, self.prompt, self.completion)
        return self.pair or tuple(name for name in single if name is not None)

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
