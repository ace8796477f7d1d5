"""The recipe's section `data`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, ValidationInfo, field_validator

from seqlstm.config.base import Count, Probability, Section, Two
from seqlstm.config.components import check_options

BUILT_IN_PREFIX = "built-in:"
"""In front of a built-in source's name, where a file or folder has the same name."""


class TokenBatchingConfig(Section):
    """Batches of rows of similar length, padded, within a budget of tokens.

    `max_tokens`: upper limit of a batch's rows times the length of its longest row.
    `shuffle_window`: number of rows that are encoded, sorted by length and cut into batches
    together; the rows of an epoch are shuffled before, the batches of a window after.
    """

    kind: Literal["tokens"] = "tokens"
    max_tokens: Count = 2500
    shuffle_window: PositiveInt = 32768


class StreamBatchingConfig(Section):
    """Contiguous streams of text side by side, for truncated back-propagation through time.

    `batch_size`: number of streams.
    `bptt`: time steps of a batch; the state is carried from batch to batch.
    `bptt_std`: standard deviation of random batch lengths around `bptt`, one in twenty around half
    of it; the learning rate is scaled by length / `bptt` (Merity, Keskar & Socher, 2018). With 0
    all batches have `bptt` steps.
    `reset_at_document`: whether a stream starts from the initial state where a document begins; by
    default the state is carried across documents.
    `reset_probability`: probability that a batch starts from the initial state; a model that was
    only trained with a carried state may predict the start of a text badly.
    """

    kind: Literal["stream"] = "stream"
    batch_size: Count = 32
    bptt: Count = 64
    bptt_std: NonNegativeFloat = 0.0
    reset_at_document: bool = False
    reset_probability: Probability = 0.0


class SplitsConfig(Section):
    """The source's names of the three splits, and slices or sums of them.

    `train`: split to train on, such as "train[:98%]".
    `validation`: split for validation while training.
    `test`: split that `seqlstm evaluate` scores.
    """

    train: str = "train"
    validation: str = "validation"
    test: str = "test"


class DataConfig(Section):
    """Where the text comes from.

    `source`: a Hub id, a folder, a file, a table of files by split, or a built-in source; where a
    file has a built-in source's name, "./dates" is the file and "built-in:dates" the source.
    `name`: configuration of a data set on the Hub, such as "wikitext-2-v1".
    `revision`: branch, tag or commit of a data set on the Hub.
    `pair`: source and target, for the task "translation": the names of two columns, or of two
    parallel files' sides; nested columns are dotted, such as "translation.en". It can be left out
    where files or columns state it.
    `text`: text column, or side of parallel files, for the task "language-model".
    `prompt`: column of prompts, for the task "prompts".
    `completion`: column of completions, for the task "prompts".
    `options`: options of a generated source; see below.
    `unit`: whether a row of text is a document, ended by </s>, or a line of one long text, ended by
    a newline.
    `splits`: names of the splits.
    `batching`: how rows are grouped into batches; each task has one kind.
    `max_length`: tokens of a training row's longer side, at most; longer rows are left out. For the
    task "prompts", tokens of prompt and completion together.
    `max_length_ratio`: length of a training pair's longer side divided by that of its shorter side,
    in tokens, at most; other pairs are left out. By default all pairs are kept.
    `drop_duplicates`: whether to keep only the first of equal training pairs.
    `placeholders`: share of the training pairs in which numbers, addresses, format strings and tags
    that are equal on both sides become numbered symbols, so that the translator learns to copy them
    and `seqlstm translate --placeholders` can protect them; 0 for none.
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
    placeholders: Annotated[float, Field(ge=0, le=1)] = 0.0

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the order of a row's texts."""
        single = (self.text, self.prompt, self.completion)
        return self.pair or tuple(name for name in single if name is not None)

    @field_validator("options")
    @classmethod
    def check_source_options(
        cls, options: dict[str, Any] | None, info: ValidationInfo
    ) -> dict[str, Any] | None:
        sources, source = (info.context or {}).get("source"), info.data.get("source")
        if options is None or sources is None or source is None:
            return options
        name = source.removeprefix(BUILT_IN_PREFIX) if isinstance(source, str) else ""
        if name not in sources:
            raise ValueError(f"cannot take effect: options are for {', '.join(sources)}")
        check_options(name, sources[name], options)
        return options
