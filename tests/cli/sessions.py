"""Interactive sessions of `seqlstm generate` with scripted input."""

from __future__ import annotations

import io
from typing import Any

from seqlstm.cli.console import PlainConsole
from seqlstm.cli.interactive.writing import WritingSession
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.past import Past
from seqlstm.text.tokenizer import Tokenizer
from tests.recurrent.cases import assert_same
from tests.tiny import FLOAT32, random_language_model

OPTIONS: dict[str, Any] = {
    "max_new_tokens": 12,
    "temperature": 0.8,
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "seed": 5,
    "stop": None,
}


def random_loaded_model(
    tokenizer: Tokenizer, *, unit: str = "line", seed: int = 4
) -> LoadedLanguageModel:
    model = random_language_model(tokenizer.vocab_size, seed=seed)
    return LoadedLanguageModel(model, tokenizer, precision=FLOAT32, unit=unit)


def session_of(
    loaded: LoadedLanguageModel, *, width: int = 10_000, **options: Any
) -> WritingSession:
    """A session on a terminal that is wide enough for every line of a test."""
    return WritingSession(loaded, OPTIONS | options, PlainConsole(file=io.StringIO(), width=width))


def play(writing: WritingSession, *lines: str) -> str:
    """The output for these typed lines, without the greeting."""
    assert isinstance(writing.console.file, io.StringIO)
    writing.console.file.seek(0)
    writing.console.file.truncate()
    writing.run(lines)
    return writing.console.file.getvalue().partition("\n")[2]


def text_of(loaded: LoadedLanguageModel, *prompts: str, **options: Any) -> str:
    """The continuation of the last prompt; each prompt raises the seed by one."""
    session, options = loaded.session(), OPTIONS | options
    for prompt in prompts:
        session.read(prompt)
        text = "".join(session.stream(**options))
        options["seed"] += 1
    return text


def assert_equal(one: Past, other: Past) -> None:
    assert_same((one.state, one.token, *one.history), (other.state, other.token, *other.history))


def without_spaces(text: str) -> str:
    """The text without spaces: word wrap removes some at line ends."""
    return text.replace(" ", "")
