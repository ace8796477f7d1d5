"""Shipped recipes can be parsed, built and trained offline; shipped tokenizers are lossless."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import torch

from seqlstm.config import Recipe, parse
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.recipe.build.model import build_model
from seqlstm.recipe.header import read_header
from seqlstm.recipe.load import load
from seqlstm.recipe.read import CATALOGUE, read_recipe, resolved_text
from seqlstm.recipe.shipped import recipe_paths, shipped_folder
from seqlstm.recipe.train import start
from seqlstm.text.tokenizer import Tokenizer
from tests.runs import pairs_of, write_table

RECIPES = sorted(recipe_paths())
TOKENIZERS = sorted(shipped_folder("tokenizers").glob("*.model"))


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def tiny(recipe: Recipe, folder: Path) -> list[str]:
    """Overrides of a recipe's data, sizes and length alone."""
    data = recipe.data
    prompts = data.prompt and data.completion and (data.prompt, data.completion)
    columns = data.pair or prompts or (data.text or "text",)
    rows: list[tuple[str, ...]] = [pair[: len(columns)] for pair in pairs_of("train")]
    names = {part.split("[")[0] for part in "+".join(data.splits.model_dump().values()).split("+")}
    files = {name: str(write_table(folder / f"{name}.jsonl", columns, rows)) for name in names}
    source = ", ".join(f"{name} = {json.dumps(file)}" for name, file in files.items())
    vocabulary = f"tokenizer.vocab_size={320 if len(columns) == 2 else 300}"
    groups = "model.output.cutoffs=[10, 20]"
    return [
        *("device=cpu", "threads=", "data.name=", "data.revision=", "data.options="),
        f"data.source={{ {source} }}",
        *([vocabulary] if not hasattr(recipe.tokenizer, "file") else []),
        *(
            ["data.batching.batch_size=2", "data.batching.bptt=8"]
            if data.batching.kind == "stream"
            else []
        ),
        *([groups] if recipe.model.output.kind == "adaptive-softmax" else []),
        *(
            "model.embedding_dim=16",
            "model.hidden_size=16",
            "training.minutes=",
            "training.epochs=",
        ),
        *("training.steps=2", "training.validate_every=1"),
    ]


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains_two_steps_and_can_be_loaded(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(name, tiny(read_recipe(name), tmp_path))
    prepared = start(recipe, tmp_path / "run")
    reports = list(prepared.run())
    kinds = ["step", "validation", "checkpoint", "step", "validation", "checkpoint", "end"]
    assert [report.kind for report in reports] == kinds
    assert reports[-1].reason == "as planned"
    loaded = load(tmp_path / "run", device="cpu")
    assert isinstance(loaded, LoadedTranslator) == (recipe.task == "translation")
    if isinstance(loaded, LoadedTranslator):
        assert len(loaded.translate(["A woman paints."], beam_size=2)) == 1
    else:
        assert isinstance(loaded.generate("A woman", max_new_tokens=3, seed=1), str)


@pytest.mark.parametrize("name", RECIPES)
def test_it_builds_at_its_own_size(name: str) -> None:
    with torch.device("meta"):
        model = build_model(read_recipe(name), (50_000, 50_000))
    assert all(parameter.is_meta for parameter in model.parameters())


@pytest.mark.parametrize("name", RECIPES)
def test_the_resolved_text_is_the_same_recipe(name: str) -> None:
    recipe = read_recipe(name)
    assert parse(tomllib.loads(resolved_text(recipe)), where=name, catalogue=CATALOGUE) == recipe


@pytest.mark.parametrize("name", RECIPES)
def test_its_head_has_title_command_score_and_time(name: str) -> None:
    head = read_header(recipe_paths()[name])
    assert head.title
    assert head.reaches
    assert head.takes
    text = recipe_paths()[name].read_text(encoding="utf-8")
    assert f"\n#   seqlstm train {name}" in text


@pytest.mark.parametrize("path", TOKENIZERS, ids=lambda path: path.stem)
def test_a_shipped_tokenizer_is_lossless(path: Path) -> None:
    tokenizer = Tokenizer.load(path)
    for line in ("def  f(x):\n    return x", "Zwölf Boxkämpfer …", "日本語 🙂 ▁", ""):
        assert tokenizer.decode(tokenizer.encode(line)) == line
