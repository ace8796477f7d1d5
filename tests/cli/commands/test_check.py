"""`seqlstm check`: the resolved recipe, or all its mistakes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.runs import answer, invoke, refusal


def recipe_of(run: Path) -> Path:
    return run.parent / "recipe.toml"


def test_it_shows_recipe_parameters_and_backends(translator: Path, language_model: Path) -> None:
    for run in (translator, language_model):
        text = answer("check", recipe_of(run))
        resolved = (run / "recipe.toml").read_text(encoding="utf-8")
        assert text.startswith(resolved)
        assert tomllib.loads(resolved)["model"]["hidden_size"] == 32
        parts = dict(re.findall(r"^(\w+) +([\d,]+) *$", text, re.MULTILINE))
        counts = {part: int(count.replace(",", "")) for part, count in parts.items()}
        assert counts.pop("all") == sum(counts.values()) > 0
        assert "backend" in text
        assert re.search(r"\n[\d,]+ tokens an epoch\n", text)


def test_the_parameters_equal_those_of_training(language_model: Path) -> None:
    (count,) = re.findall(r"^all +([\d,]+) *$", answer("check", recipe_of(language_model)), re.M)
    assert f"model: {count} parameters" in answer("info", language_model)


def test_every_layer_has_a_backend_and_reasons(translator: Path) -> None:
    text = answer("check", recipe_of(translator))
    assert all(f"\n{layer} " in text for layer in ("encoder 1", "encoder 2", "first 1", "rest 1"))
    slower = answer("check", recipe_of(translator), 'model.cell={kind="mogrifier"}')
    assert len(re.findall(r"^(?:encoder|first|rest) \d +loop\b", slower, re.MULTILINE)) == 4
    assert (
        " ".join(slower.split()).count(
            "torch-fused: torch has no fused MogrifierLSTM; manual-bptt: "
        )
        == 1
    )
    assert all(len(line) <= 80 for line in slower.partition("\nlayer ")[2].splitlines()[:12])


def test_nothing_is_written(
    language_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer("check", recipe_of(language_model))
    assert list(tmp_path.iterdir()) == []


def test_every_mistake_is_listed_at_once(translator: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    text = recipe_of(translator).read_text(encoding="utf-8")
    text = text.replace(
        "hidden_size = 32", 'hidden_size = "32"\nlayer = 2\ncell = { kind = "lstn" }'
    )
    text = text.replace('model_type = "unigram"', 'model_type = "unigrams"')
    text = text.replace("steps = 60", "steps = -1").replace('pair = ["en", "de"]\n', "")
    wrong.write_text(text, encoding="utf-8")
    error = refusal("check", wrong, f"data.source={translator.parent}")
    assert f"{wrong}: 6 mistakes" in error
    for expected in (
        "model.hidden_size: must be a valid integer, was: 32",
        'model.layer: unknown key (did you mean "num_layers"?)',
        'no cell of kind "lstn"; did you mean "lstm"?',
        "tokenizer.model_type: must be one of unigram, bpe, char, word, was: unigrams",
        "training.steps: must be greater than 0, was: -1",
        "data.pair: missing",
    ):
        assert expected in error


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.embedding_dim=0", "model.embedding_dim: must be greater than 0, was: 0"),
        ("model.hiddensize=8", 'model.hiddensize: unknown key (did you mean "hidden_size"?)'),
        ("hidden", "hidden: not an override (write key=value)"),
        ("task.kind=x", "task.kind: task is a value, not a table"),
        ('model.attention={kind="general", heads=5}', "heads"),
        ("training.steps=", "one of steps, epochs or minutes must end it"),
    ],
)
def test_overrides_are_checked(translator: Path, override: str, message: str) -> None:
    for command in ("check", "train"):
        result = invoke(command, recipe_of(translator), override)
        assert result.exit_code == 2, result.output
        assert message in result.stderr
        assert "Traceback" not in result.output


def test_bad_toml_has_a_line_number(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('task = "translation"\n[data\n')
    assert "line 2" in refusal("check", file)
    file.write_bytes(b'# fine\ntask = "\xff"\n')
    assert "line 2: not UTF-8" in refusal("check", file)
