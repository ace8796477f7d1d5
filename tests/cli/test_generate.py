"""`seqlstm generate`: the same text from an argument, a pipe and Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqlstm
from seqlstm.inference.language import LoadedLanguageModel
from tests.runs import answer, invoke, refusal

PROMPT = "The child"


@pytest.fixture(scope="module")
def api(language_model: Path) -> LoadedLanguageModel:
    loaded = seqlstm.load(language_model, device="cpu")
    assert isinstance(loaded, LoadedLanguageModel)
    return loaded


def test_argument_pipe_and_api_write_the_same(
    language_model: Path, api: LoadedLanguageModel
) -> None:
    text = answer("generate", language_model, PROMPT, "--seed", 3)
    expected = api.generate(PROMPT, seed=3, temperature=0.8)
    assert text == f"{PROMPT}{expected}\n"
    assert answer("generate", language_model, "--seed", 3, text=PROMPT) == text
    assert answer("generate", language_model, "--seed", 3, text=f"{PROMPT}\n") == text


def test_a_seed_is_a_text(language_model: Path) -> None:
    texts = {answer("generate", language_model, PROMPT, "--seed", seed) for seed in (1, 1, 2, 3)}
    assert len(texts) == 3


def test_greedy_needs_no_seed(language_model: Path) -> None:
    greedy = ("generate", language_model, PROMPT, "--temperature", 0)
    text = answer(*greedy)
    assert text == answer(*greedy) == answer(*greedy, "--seed", 5)
    assert text == answer("generate", language_model, PROMPT, "--top-k", 1)


def test_stop_ends_before_its_text(language_model: Path) -> None:
    greedy = ("generate", language_model, PROMPT, "--temperature", 0, "--length", 60)
    whole = answer(*greedy)
    assert "." in whole
    assert answer(*greedy, "--stop", ".") == whole.partition(".")[0] + "\n"


def test_length_counts_pieces(language_model: Path, api: LoadedLanguageModel) -> None:
    text = answer("generate", language_model, PROMPT, "--length", 4, "--temperature", 0)
    assert text == f"{PROMPT}{api.generate(PROMPT, length=4, temperature=0)}\n"
    assert len(api.tokenizer.encode(text.removeprefix(PROMPT).strip("\n"))) <= 5


@pytest.mark.parametrize("prompt", ["", "日本語 🙂", "\x00 ▁ \U0010fffd", "Ωμέγα\nzwei Zeilen"])
def test_any_prompt_will_do(language_model: Path, prompt: str) -> None:
    text = answer("generate", language_model, prompt, "--seed", 1, "--length", 5)
    assert text.startswith(prompt)


def test_a_very_long_prompt_will_do(language_model: Path) -> None:
    prompt = "The child " * 10_000
    text = answer("generate", language_model, "--seed", 1, "--length", 3, text=prompt)
    assert text.startswith(prompt)


def test_nothing_in_the_pipe_is_no_prompt(language_model: Path) -> None:
    result = invoke("generate", language_model, "--seed", 1, text="")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout == answer("generate", language_model, "", "--seed", 1)


def test_it_needs_a_language_model(translator: Path) -> None:
    said = refusal("generate", translator, PROMPT)
    assert f"{translator} is a translator; this needs a language model" in said


@pytest.mark.parametrize(
    "option", [["--temperature", "-1"], ["--top-p", "0"], ["--min-p", "2"], ["--length", "0"]]
)
def test_options_have_bounds(language_model: Path, option: list[str]) -> None:
    assert option[0] in refusal("generate", language_model, PROMPT, *option)


def test_a_conversation_goes_on_with_one_text(
    language_model: Path, api: LoadedLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlstm.cli.generate.on_terminal", lambda: True)
    greedy = ("--temperature", 0, "--length", 5)
    result = invoke("generate", language_model, *greedy, text="The child\nNobody\n")
    assert result.exit_code == 0, result.output
    session, expected = api.session(), ""
    for prompt in ("The child", "Nobody"):
        session.read(prompt)
        expected += f"{prompt}{''.join(session.stream(temperature=0, length=5))}\n"
    assert result.stdout == expected
