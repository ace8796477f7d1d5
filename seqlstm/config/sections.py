"""What a recipe may say. Each class is one of its tables; `recipe.py` builds things from them.

Every default stands here, in `model.py` or in `training.py`, and nowhere else. A table with a
`kind` is a union of classes, so that an option which could not take effect is an unknown key.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    PositiveInt,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from seqlstm.config.base import Count, NotNegative, OneOrTwo, Probability, Section, Share, Two
from seqlstm.config.components import check_options
from seqlstm.config.model import Model
from seqlstm.config.training import Training


class Buckets(Section):
    """Sentences of like length together, padded, up to a budget of tokens.

    `tokens`: rows times the longest row of a batch, at most. `window`: pairs that are shuffled,
    encoded and sorted together.
    """

    kind: Literal["buckets"] = "buckets"
    tokens: PositiveInt = 2500
    window: PositiveInt = 32768


class Tapes(Section):
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


class Splits(Section):
    """The names of the three splits, as the source calls them."""

    train: str = "train"
    validation: str = "validation"
    test: str = "test"


class Data(Section):
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
    splits: Splits = Splits()
    layout: Annotated[Buckets | Tapes, Field(discriminator="kind")]
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


class Trained(Section):
    """A SentencePiece model trained on the training split when the run starts.

    `joint`: one model of both sides of a translator; else each side has its own, and `vocabulary`
    is that of either, or source's and target's. `sampling`: subword regularisation, the alpha of
    unigram's sampling (Kudo, 2018) or the probability of BPE-dropout (Provilkov et al., 2020); 0
    for none. `input_sentences`: read at most so many. `split_digits`: every digit a piece of its
    own. `closed`: words alone, as papers on language models count them: white space is what
    separates them, and one that the vocabulary lacks is no bytes but the text's own `<unk>`.
    """

    kind: Literal["unigram", "bpe", "char", "word"] = "unigram"
    vocabulary: OneOrTwo[PositiveInt] = 8000
    joint: bool = True
    sampling: Probability = 0.0
    normalisation: Literal["identity", "nfkc", "nfkc_cf", "nmt_nfkc", "nmt_nfkc_cf"] = "identity"
    character_coverage: Share = 1.0
    split_digits: bool = False
    closed: bool = False
    input_sentences: PositiveInt = 1_000_000

    @model_validator(mode="after")
    def fits_its_kind(self) -> Trained:
        if self.sampling and self.kind not in ("unigram", "bpe"):
            raise ValueError(f"sampling needs unigram or bpe, not {self.kind}")
        if self.closed and self.kind != "word":
            raise ValueError(f"closed needs word, not {self.kind}")
        return self

    @property
    def vocabularies(self) -> tuple[int, ...]:
        """Of every model: one, or source's and target's."""
        if isinstance(self.vocabulary, tuple):
            return self.vocabulary
        return (self.vocabulary,) * (1 if self.joint else 2)


class Ready(Section):
    """A SentencePiece model that exists, or two: of a translator's source, and of its target."""

    file: OneOrTwo[str]
    sampling: Probability = 0.0

    @property
    def files(self) -> tuple[str, ...]:
        return (self.file,) if isinstance(self.file, str) else self.file

    @property
    def joint(self) -> bool:
        """Whether one model is that of both sides."""
        return isinstance(self.file, str)


def ready_or_trained(value: Any) -> str:
    named = isinstance(value, dict) and "file" in value
    return "ready" if named or isinstance(value, Ready) else "trained"


Tokenizer = Annotated[
    Annotated[Ready, Tag("ready")] | Annotated[Trained, Tag("trained")],
    Discriminator(ready_or_trained),
]


class Decoding(Section):
    """Beam search: its width, and GNMT's penalties (Wu et al., 2016), 0 for none.

    `length_penalty`: alpha, higher for longer. `coverage_penalty`: beta, on source pieces that got
    little attention. `no_repeat_ngram`: no so many pieces in a row come twice; 0 lets them.
    """

    width: PositiveInt = 5
    length_penalty: NotNegative = 1.0
    coverage_penalty: NotNegative = 0.0
    no_repeat: Count = 0


def known_device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise ValueError(f"must be auto, cpu, cuda or cuda:N, was: {name}")
    return name


class Recipe(Section):
    """The whole of it. `threads`: 0 for all cores."""

    task: Literal["translation", "language-model"]
    seed: Count = 1
    device: Annotated[str, AfterValidator(known_device)] = "auto"
    threads: Count = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    data: Data
    tokenizer: Tokenizer = Trained()
    model: Model = Model()
    training: Training
    decoding: Decoding = Decoding()

    @property
    def resets(self) -> bool:
        """Whether the state starts afresh where a document begins."""
        return isinstance(self.data.layout, Tapes) and self.data.layout.resets

    def text(self) -> str:
        """The recipe resolved, defaults included, as TOML: what a run folder keeps."""
        table = self.model_dump(exclude_none=True)
        for section, key in IDLE[form_of(self.task, answers=self.data.answer is not None)]:
            table[section].pop(key, None)
        if not table["decoding"]:
            del table["decoding"]
        return tomli_w.dumps(table)


def form_of(task: str, *, answers: bool) -> str:
    """What a recipe is, in words: its task, and whether a language model's rows have answers."""
    return "language-model with answers" if task == "language-model" and answers else task


NO_TRANSLATION = [
    ("tokenizer", "joint"),
    *[("model", key) for key in ("attention", "encoder", "decoder")],
    *[("decoding", key) for key in ("width", "length_penalty", "coverage_penalty", "no_repeat")],
]
IDLE = {
    "translation": [
        *[("data", key) for key in ("text", "answer", "unit")],
        ("training", "penalties"),
    ],
    "language-model": [
        *[("data", key) for key in ("pair", "longest", "ratio", "drop_duplicates")],
        *NO_TRANSLATION,
    ],
    "language-model with answers": [
        *[("data", key) for key in ("pair", "unit", "ratio")],
        *NO_TRANSLATION,
    ],
}
"""The keys that cannot take effect in a recipe of the form."""
