"""`/why`, and characters of several byte pieces."""

from __future__ import annotations

import io
import re
from math import log
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from seqlstm.cli.interactive.surprisal import SHADES, shade
from seqlstm.cli.interactive.writing import WritingSession
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.train_tokenizer import train_tokenizer
from tests.cli.sessions import play, random_loaded_model, session_of
from tests.tiny import LINES


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


def test_why_shows_the_most_probable_next_pieces(
    writing: WritingSession, loaded: LoadedLanguageModel
) -> None:
    shown = play(writing, "Nobody", "/top-k 2", "/temperature 2", "/why 3")
    session = writing.draft.session
    with torch.no_grad():
        logits, _ = loaded.model.advance(session.past.token, session.past.state)
    forbidden = session.forbidden_ids
    probabilities, ids = logits.softmax(-1)[0].topk(3)
    logits[:, forbidden] = -torch.inf
    sampled = (logits.topk(2).values / 2).softmax(-1)[0].tolist()
    rows = shown.partition("next piece")[2].splitlines()[1:4]
    for row, piece, probability in zip(
        rows, loaded.tokenizer.pieces(ids.tolist()), probabilities.tolist(), strict=True
    ):
        assert row.split()[:2] == [piece.replace("\n", "\\n"), f"{probability:.1%}"]
    allowed = [
        row.split()[2] for row, id in zip(rows, ids.tolist(), strict=True) if id not in forbidden
    ]
    assert allowed[:2] == [f"{probability:.1%}" for probability in sampled][: len(allowed)]
    assert "–" in {row.split()[2] for row in rows}
    assert len(rows[0]) > len(rows[2].rstrip())  # bars


def test_why_shades_the_text_by_its_surprisal(loaded: LoadedLanguageModel) -> None:
    writing = session_of(loaded, max_new_tokens=20)
    shown = play(writing, "Nobody sells", "", "/why")
    ids = [id for turn in writing.draft.turns for id in (*turn.prompt, *turn.completion)]
    state, token, bits = loaded.model.initial_state(1), loaded.end, []
    with torch.no_grad():
        for id in ids:
            logits, state = loaded.model.advance(torch.tensor([token]), state)
            bits.append(-float(logits.log_softmax(-1)[0, id]) / log(2))
            token = id
    parts = list(writing.draft.surprisals())
    assert [part.bits for part in parts] == pytest.approx(bits)
    assert "".join(part.text for part in parts) == loaded.tokenizer.decode(ids)
    yours = len(writing.draft.turns[0].prompt)
    assert [part.generated for part in parts] == [False] * yours + [True] * 40
    assert f"mean {sum(bits) / len(bits):.2f} bits over {len(bits)} pieces; " in shown
    assert (
        f"yours {sum(bits[:yours]) / yours:.2f}; the model's {sum(bits[yours:]) / 40:.2f}" in shown
    )
    colours = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="truecolor")
    writing.console = colours
    play(writing, "/why")
    assert isinstance(colours.file, io.StringIO)
    assert {f"48;2;{r};{g};{b}" for r, g, b in [(240, 138, 75), (200, 56, 62)]} <= set(
        re.findall(r"48;2;\d+;\d+;\d+", colours.file.getvalue())
    )


def test_shades() -> None:
    styles = [style for _, style in SHADES.values()]
    assert [shade(bits) for bits in (0.0, 0.99, 1.0, 3.9, 4.0, 7.9, 8.0, 90.0)] == [
        styles[place] for place in (0, 0, 1, 2, 3, 3, 4, 4)
    ]


def test_why_shows_the_end_of_a_long_text(loaded: LoadedLanguageModel) -> None:
    writing = session_of(loaded, width=80, max_new_tokens=1500)
    shown = play(writing, "Nobody", "/why")
    part = shown.partition("next piece")[2]
    assert 20 < len(part.splitlines()) < 23
    assert "…\n" in part
    assert "over 1,5" in part  # the mean counts the whole text


def test_why_after_loading_a_state(writing: WritingSession) -> None:
    play(writing, "Nobody", "/save once", "/load once")
    shown = play(writing, "/why")
    assert "next piece" in shown
    assert "mean" not in shown
    play(writing, "The")
    scores = [part.bits for part in writing.draft.surprisals()]
    loaded, turn = writing.draft.loaded, writing.draft.turns[0]
    [expected] = loaded.score([loaded.tokenizer.decode(turn.prompt)], past=turn.before)
    assert scores[: len(turn.prompt)] == pytest.approx(expected.surprisals[:-1])


# Characters.


def test_a_character_appears_when_it_is_complete() -> None:
    """The model writes 🙂 as four byte pieces, and a turn ends after two of them."""
    tokenizer = train_tokenizer(LINES, model_type="unigram", vocab_size=290)
    loaded = random_loaded_model(tokenizer)
    smile = tokenizer.encode("🙂")[-4:]

    def spell(token: torch.Tensor, state: Any, memory: Any = None) -> Any:
        logits = torch.zeros(1, tokenizer.vocab_size)
        place = smile.index(int(token)) + 1 if int(token) in smile else 0
        logits[0, smile[place % 4]] = 100.0
        return logits, state

    loaded.model.advance = spell  # type: ignore[method-assign]
    writing = session_of(loaded, max_new_tokens=6)
    assert play(writing, "a") == "a🙂 …\n"
    assert play(writing, "/more") == "🙂🙂 …\n"
    assert "🙂🙂🙂" in play(writing, "/why")
