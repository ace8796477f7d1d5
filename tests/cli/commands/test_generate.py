"""`seqlstm generate`: prompts, samples, and sessions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import seqlstm
from seqlstm.inference.continuations import Continuation
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.session import Session
from tests.runs import answer, invoke, refusal

PROMPT = "The child"


@pytest.fixture(scope="module")
def api(language_model: Path) -> LoadedLanguageModel:
    loaded = seqlstm.load(language_model, device="cpu")
    assert isinstance(loaded, LoadedLanguageModel)
    return loaded


def test_argument_pipe_and_api_are_equal(language_model: Path, api: LoadedLanguageModel) -> None:
    text = answer("generate", language_model, PROMPT, "--seed", 3)
    expected = api.generate(PROMPT, seed=3, temperature=0.8)
    assert text == f"{PROMPT}{expected}\n"
    assert answer("generate", language_model, "--seed", 3, text=PROMPT) == text
    assert answer("generate", language_model, "--seed", 3, text=f"{PROMPT}\n") == text


def test_errors_are_of_bytes_that_are_read(language_model: Path) -> None:
    errors = ["--errors", "replace", "--seed", 3, "--max-new-tokens", 2]
    problem = "--errors cannot take effect without a prompt from a file or a pipe"
    assert problem in refusal("generate", language_model, PROMPT, *errors)
    assert answer("generate", language_model, *errors, text=b"a\xff").startswith("a\ufffd")


def test_each_seed_has_its_text(language_model: Path) -> None:
    texts = {answer("generate", language_model, PROMPT, "--seed", seed) for seed in (1, 1, 2, 3)}
    assert len(texts) == 3


def test_greedy_needs_no_seed(language_model: Path) -> None:
    greedy = ("generate", language_model, PROMPT, "--temperature", 0)
    text = answer(*greedy)
    assert text == answer(*greedy) == answer(*greedy, "--seed", 5)
    assert text == answer("generate", language_model, PROMPT, "--top-k", 1)


def test_stop_ends_before_the_stop_text(language_model: Path) -> None:
    greedy = ("generate", language_model, PROMPT, "--temperature", 0, "--max-new-tokens", 60)
    whole = answer(*greedy)
    assert "." in whole
    assert answer(*greedy, "--stop", ".") == whole.partition(".")[0] + "\n"


def test_length_counts_pieces(language_model: Path, api: LoadedLanguageModel) -> None:
    text = answer("generate", language_model, PROMPT, "--max-new-tokens", 4, "--temperature", 0)
    assert text == f"{PROMPT}{api.generate(PROMPT, max_new_tokens=4, temperature=0)}\n"
    assert len(api.tokenizer.encode(text.removeprefix(PROMPT).strip("\n"))) <= 5


@pytest.mark.parametrize("prompt", ["", "日本語 🙂", "\x00 ▁ \U0010fffd", "Ωμέγα\nzwei Zeilen"])
def test_unusual_prompts(language_model: Path, prompt: str) -> None:
    text = answer("generate", language_model, prompt, "--seed", 1, "--max-new-tokens", 5)
    assert text.startswith(prompt)


def test_a_very_long_prompt(language_model: Path) -> None:
    prompt = "The child " * 10_000
    text = answer("generate", language_model, "--seed", 1, "--max-new-tokens", 3, text=prompt)
    assert text.startswith(prompt)


def test_an_empty_pipe_is_an_empty_prompt(language_model: Path) -> None:
    result = invoke("generate", language_model, "--seed", 1, text="")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout == answer("generate", language_model, "", "--seed", 1)


def test_it_needs_a_language_model(translator: Path) -> None:
    error = refusal("generate", translator, PROMPT)
    assert f"{translator} is a translator; this needs a language model" in error


@pytest.mark.parametrize(
    "option",
    [["--temperature", "-1"], ["--top-p", "0"], ["--min-p", "2"], ["--max-new-tokens", "0"]],
)
def test_options_have_bounds(language_model: Path, option: list[str]) -> None:
    assert option[0] in refusal("generate", language_model, PROMPT, *option)


@pytest.mark.parametrize("batch", [[], ["--batch", 2]])
def test_samples_equal_single_texts_of_their_seeds(
    language_model: Path, api: LoadedLanguageModel, batch: list[object]
) -> None:
    options = ("--seed", 3, "--max-new-tokens", 30)
    lines = answer("generate", language_model, PROMPT, "--sample", 5, *batch, *options).splitlines()
    expected = [
        f"{PROMPT}{api.generate(PROMPT, seed=seed, max_new_tokens=30, temperature=0.8)}"
        for seed in range(3, 8)
    ]
    assert lines == [text.replace("\n", "\\n") for text in expected]
    assert any("\n" in text for text in expected)
    piped = answer("generate", language_model, "--n", 5, *batch, *options, text=PROMPT)
    assert piped.splitlines() == lines


def test_batch_is_the_number_of_parallel_samples(
    language_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def counted(_: Session, seeds: range, **options: Any) -> list[Continuation]:
        sizes.append(len(seeds))
        return [Continuation("", seed, finished=True) for seed in seeds]

    monkeypatch.setattr("seqlstm.inference.language_model.generate_continuations", counted)
    for batch in ([], ["--batch", 30]):
        answer("generate", language_model, PROMPT, "--sample", 70, *batch)
    assert sizes == [64, 6, 30, 30, 10]


def test_json_has_an_object_per_line(language_model: Path, api: LoadedLanguageModel) -> None:
    options = ("--json", "--seed", 3, "--stop", "\n")
    found = [
        json.loads(line)
        for line in answer("generate", language_model, PROMPT, "--sample", 3, *options).splitlines()
    ]
    assert found == [
        {"prompt": PROMPT, "text": one.text, "seed": one.seed, "finished": one.finished}
        for one in api.samples(PROMPT, count=3, seed=3, stop="\n", temperature=0.8)
    ]
    assert json.loads(answer("generate", language_model, PROMPT, *options)) == found[0]


def test_batch_needs_samples(language_model: Path) -> None:
    error = refusal("generate", language_model, PROMPT, "--batch", 3)
    assert "--batch cannot take effect without --sample" in error


def converse(run: Path, monkeypatch: pytest.MonkeyPatch, *lines: object) -> tuple[str, str]:
    """Standard output and standard error of a session on a terminal."""
    monkeypatch.setattr("seqlstm.cli.commands.generate.on_terminal", lambda: True)
    greedy = ("--temperature", 0, "--max-new-tokens", 5)
    result = invoke("generate", run, *greedy, text="".join(f"{line}\n" for line in lines))
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_a_session_continues_one_text(
    language_model: Path, api: LoadedLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, _ = converse(language_model, monkeypatch, "The child", "Nobody")
    session, expected = api.session(), []
    for prompt in ("The child", "Nobody"):
        session.read(prompt)
        expected += f"{prompt}{''.join(session.stream(temperature=0, max_new_tokens=5))} …".split()
    assert shown.partition("Ctrl-D ends.")[2].split() == expected


def test_a_session_takes_commands(
    language_model: Path, api: LoadedLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, notes = converse(language_model, monkeypatch, "/undu", "/max-new-tokens 9", "//x")
    session = api.session()
    session.read("/x")
    assert f"/x{''.join(session.stream(temperature=0, max_new_tokens=9))} …".split() == (
        shown.partition("max-new-tokens 9")[2].split()
    )
    assert 'did you mean "undo"?' in notes
