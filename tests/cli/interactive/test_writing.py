"""`seqlstm generate` on a terminal: every command of `WritingSession`."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlstm.cli import output_files
from seqlstm.cli.interactive.writing import COMMAND_NAMES, WritingSession
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.text.tokenizer import Tokenizer
from tests.cli.sessions import (
    OPTIONS,
    assert_equal,
    play,
    random_loaded_model,
    session_of,
    text_of,
    without_spaces,
)


@pytest.fixture
def loaded(tokenizer: Tokenizer) -> LoadedLanguageModel:
    return random_loaded_model(tokenizer)


@pytest.fixture
def writing(loaded: LoadedLanguageModel) -> WritingSession:
    return session_of(loaded)


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """States are saved in the working directory."""
    monkeypatch.chdir(tmp_path)


# Continuations.


def test_it_continues_the_whole_text(writing: WritingSession, loaded: LoadedLanguageModel) -> None:
    first, second = text_of(loaded, "Nobody"), text_of(loaded, "Nobody", "My oldest")
    third = text_of(loaded, "Nobody", "My oldest", "")
    expected = f"Nobody{first} …\nMy oldest{second} …\n{third} …\n"
    assert without_spaces(play(writing, "Nobody", "My oldest", "")) == without_spaces(expected)


def test_more_is_an_empty_line(loaded: LoadedLanguageModel) -> None:
    one, other = session_of(loaded), session_of(loaded)
    assert play(one, "Nobody", "/more") == play(other, "Nobody", "")
    assert_equal(one.draft.session.past, other.draft.session.past)
    assert len(one.draft.turns) == 2


def test_escapes(writing: WritingSession, loaded: LoadedLanguageModel) -> None:
    play(writing, r"Nobody\nThe gardener", "//retry")
    prompts = [turn.prompt for turn in writing.draft.turns]
    assert prompts == loaded.tokenizer.encode_batch(["Nobody\nThe gardener", "/retry"])


def test_retry_replaces_the_last_continuation(
    writing: WritingSession, loaded: LoadedLanguageModel
) -> None:
    texts = [text_of(loaded, "Nobody", seed=seed) for seed in (5, 6, 7)]
    shown = play(writing, "Nobody", "/retry", "/retry")
    assert without_spaces(shown) == without_spaces("".join(f"Nobody{text} …\n" for text in texts))
    assert len(set(texts)) == 3
    session = loaded.session()
    session.read("Nobody")
    list(session.stream(**OPTIONS | {"seed": 7}))
    assert_equal(writing.draft.session.past, session.past)
    assert len(writing.draft.turns) == 1


def test_retry_with_the_same_seed_is_the_same(writing: WritingSession) -> None:
    play(writing, "Nobody", "/more")
    past, turn = writing.draft.session.past, writing.draft.turns[-1]
    play(writing, "/retry")
    assert writing.draft.turns[-1].completion != turn.completion
    play(writing, "/seed 6", "/retry")
    assert writing.draft.turns[-1].completion == turn.completion
    assert_equal(writing.draft.session.past, past)


def test_undo_restores_the_earlier_state(writing: WritingSession) -> None:
    pasts = [writing.draft.session.past]
    for line in ("Nobody", "", "The gardener"):
        play(writing, line)
        pasts.append(writing.draft.session.past)
    text = writing.draft.turns[-1].completion
    shown = play(writing, "/undo")
    assert_equal(writing.draft.session.past, pasts[2])
    assert "end of text: " in shown
    play(writing, "/seed 7", "The gardener")
    assert writing.draft.turns[-1].completion == text
    assert_equal(writing.draft.session.past, pasts[3])
    assert "the text is empty" in play(writing, "/undo", "/undo", "/undo")
    assert_equal(writing.draft.session.past, pasts[0])


def test_new_starts_with_an_empty_text(
    writing: WritingSession, loaded: LoadedLanguageModel
) -> None:
    assert "the text is empty" in play(writing, "Nobody", "", "/new")
    assert_equal(writing.draft.session.past, loaded.past())
    assert not writing.draft.turns


def test_a_text_that_ends(tokenizer: Tokenizer) -> None:
    loaded = random_loaded_model(tokenizer, unit="document")
    with torch.no_grad():
        loaded.model.output_layer.bias[tokenizer.end] = 1e3
    shown = play(session_of(loaded), "Nobody")
    assert shown.startswith("Nobody\nThe text ends here")


@pytest.mark.parametrize("command", ["/undo", "/retry"])
def test_undo_and_retry_need_a_turn(
    writing: WritingSession, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    play(writing, command)
    assert "nothing has been written yet" in capsys.readouterr().err


def test_quit_ends_the_session(writing: WritingSession) -> None:
    play(writing, "Nobody", "/quit", "Nobody")
    assert len(writing.draft.turns) == 1


# Ctrl-C.


def interrupting(loaded: LoadedLanguageModel, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Send Ctrl-C once, at this step of the model."""
    advance, steps = loaded.model.advance, iter(range(1000))

    def interrupted(*arguments: Any) -> Any:
        if next(steps) == step:
            signal.raise_signal(signal.SIGINT)
        return advance(*arguments)

    monkeypatch.setattr(loaded.model, "advance", interrupted)


def test_ctrl_c_stops_only_the_model(
    loaded: LoadedLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = session_of(loaded, temperature=0, repetition_penalty=3.0)
    whole = loaded.session()
    whole.read("Nobody")
    expected = list(whole.tokens(max_new_tokens=12, temperature=0, repetition_penalty=3.0))
    assert len(set(expected)) > 3
    interrupting(loaded, monkeypatch, step=5)  # its first step comes before the first line
    before = signal.getsignal(signal.SIGINT)
    shown = play(writing, "Nobody", "/max-new-tokens 7", "/more")
    first, second = writing.draft.turns
    assert first.completion == expected[:5]
    assert first.completion + second.completion == expected
    assert_equal(writing.draft.session.past, whole.past)
    assert shown.count(" …\n") == 2
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("command", ["The gardener", "/retry"])
def test_an_interrupted_turn_changes_nothing(
    writing: WritingSession,
    loaded: LoadedLanguageModel,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    play(writing, "Nobody")
    past, turns = writing.draft.session.past, list(writing.draft.turns)
    advance, steps = loaded.model.advance, iter(range(1000))

    def broken(*arguments: Any) -> Any:
        if next(steps) == 3:
            raise KeyboardInterrupt
        return advance(*arguments)

    monkeypatch.setattr(loaded.model, "advance", broken)
    play(writing, command)
    assert_equal(writing.draft.session.past, past)
    assert writing.draft.turns == turns


# Settings.


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("/temperature 0", {"temperature": 0.0}),
        ("/temperature 3", {"temperature": 3.0}),
        ("/top-k 2", {"top_k": 2}),
        ("/top-p 0.1", {"top_p": 0.1}),
        ("/min-p 0.9", {"min_p": 0.9}),
        ("/repetition-penalty 50", {"repetition_penalty": 50.0}),
        ("/max-new-tokens 3", {"max_new_tokens": 3}),
        ("/seed 77", {"seed": 77}),
        ("/stop e", {"stop": "e"}),
    ],
)
def test_settings_change_the_next_continuation(
    writing: WritingSession, loaded: LoadedLanguageModel, command: str, option: dict[str, Any]
) -> None:
    expected = text_of(loaded, "Nobody", max_new_tokens=30) if "length" not in option else ""
    options = {"max_new_tokens": 30, **option}
    changed = text_of(loaded, "Nobody", **options)
    assert changed != expected
    shown = play(writing, "/max-new-tokens 30", command, "Nobody")
    assert without_spaces(f"Nobody{changed}") in without_spaces(shown)


def test_a_setting_without_a_value_is_shown(writing: WritingSession) -> None:
    assert play(writing, "/top-k", "/top-k 7", "/top-k").split("\n") == [
        "top-k 0",
        "top-k 7",
        "top-k 7",
        "",
    ]
    play(writing, "/stop e", "/stop")
    assert writing.options["stop"] is None


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("/temprature 1", 'did you mean "temperature"?'),
        ("/x", "/help lists them"),
        ("/top-p 2", "/top-p needs a number from 1e-06 to 1, was: 2"),
        ("/top-p much", "/top-p needs a number from 1e-06 to 1, was: much"),
        ("/min-p -1", "/min-p needs a number from 0 to 1, was: -1"),
        ("/temperature nan", "/temperature needs a number, 0 or more, was: nan"),
        ("/max-new-tokens 0", "/max-new-tokens needs a whole number, 1 or more, was: 0"),
        ("/retry 3", "/retry takes no value, was: 3"),
        ("/save", "/save needs a name"),
        ("/load nothing", "nothing.state is missing"),
        ("/why 0", "/why needs a whole number, 1 or more"),
    ],
)
def test_a_wrong_command_changes_nothing(
    writing: WritingSession, capsys: pytest.CaptureFixture[str], command: str, message: str
) -> None:
    play(writing, "Nobody")
    options, past = dict(writing.options), writing.draft.session.past
    play(writing, command)
    assert message in " ".join(capsys.readouterr().err.split())
    assert writing.options == options
    assert_equal(writing.draft.session.past, past)


def test_help_lists_every_command_and_setting(writing: WritingSession) -> None:
    shown = play(writing, "/top-k 13", "/help")
    assert set(writing.actions()) == set(COMMAND_NAMES)
    assert all(f"/{name} " in shown for name in COMMAND_NAMES)
    assert re.search(r"/top-k +13 ", shown)
    narrow = play(session_of(writing.draft.loaded, width=80), "/help")
    assert all(len(line) <= 80 for line in narrow.splitlines())


# Saved states.


def test_a_session_continues_from_a_saved_state(
    writing: WritingSession,
    tokenizer: Tokenizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = play(writing, "Nobody", "/save once", "/max-new-tokens 9", "/more")
    file = tmp_path / "once.state"
    assert f"once.state written: {file.stat().st_size:,} bytes" in shown
    assert file.stat().st_size < 4096
    other = session_of(random_loaded_model(tokenizer), max_new_tokens=9)
    shown = play(other, "/load", "/load once", "/seed 6", "/more")
    assert "states in this directory: once" in shown
    assert "end of text: " in shown
    assert other.draft.turns[0].completion == writing.draft.turns[1].completion
    assert_equal(other.draft.session.past, writing.draft.session.past)
    play(other, "/undo")
    assert_equal(other.draft.session.past, writing.draft.turns[1].before)
    saved = file.read_bytes()
    capsys.readouterr()
    play(other, "/save once")  # a person who is not asked has not agreed
    assert capsys.readouterr().err.endswith("once.state exists\nUse another name.\n")
    assert file.read_bytes() == saved
    monkeypatch.setattr(output_files, "ask_to_replace", lambda *_: None)
    assert "once.state overwritten" in play(other, "/save once.state")


def test_the_state_of_another_model_is_refused(
    writing: WritingSession, tokenizer: Tokenizer, capsys: pytest.CaptureFixture[str]
) -> None:
    play(writing, "Nobody", "/save once")
    other = session_of(random_loaded_model(tokenizer, seed=5))
    play(other, "/load once")
    assert "the past of another run" in " ".join(capsys.readouterr().err.split())


def test_a_name_that_no_file_can_have_ends_nothing(
    writing: WritingSession, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = play(writing, f"/load {'x' * 300}", f"/save {'x' * 300}", "/seed 4")
    assert "seed 4" in shown
    assert "".join(capsys.readouterr().err.split()).count("Filenametoolong") == 2
