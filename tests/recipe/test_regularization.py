"""Regularized language models of recipes: sizes, averaging, output layers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from seqlstm.config import parse, read_overrides
from seqlstm.errors import RecipeError
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.output.adaptive_softmax import AdaptiveSoftmax
from seqlstm.models.output.mixture_of_softmaxes import MixtureOfSoftmaxes
from seqlstm.models.output.softmax import OutputLayer
from seqlstm.models.translator import Translator
from seqlstm.recipe.build.model import build_model
from seqlstm.recipe.build.training import build_average
from seqlstm.recipe.evaluate import evaluate
from seqlstm.recipe.load import load
from seqlstm.recipe.read import CATALOGUE, read_recipe
from seqlstm.recipe.train import start
from seqlstm.training.averaging import TriggeredAveraging
from tests.config.cases import TABLES, recipe
from tests.runs import LANGUAGE_MODEL, pairs_of, write_recipe

PIECES = (50, 50)


def built(*overrides: str) -> LanguageModel:
    table = read_overrides(TABLES["language-model"], overrides)
    model = build_model(parse(table, where="recipe", catalogue=CATALOGUE), PIECES)
    assert isinstance(model, LanguageModel)
    return model


def test_layers_have_their_sizes_and_the_last_can_have_that_of_the_embeddings() -> None:
    model = built("model.embedding_dim=4", "model.hidden_size=[9, 7, 4]", "model.num_layers=3")
    assert [layer.output for layer in model.stack.layers] == [9, 7, 4]
    assert not any("bottleneck" in name for name, _ in model.named_parameters())
    assert model.output_layer.weight is model.embedding.table.weight


def test_blocks_have_one_size() -> None:
    cell = 'model.cell={kind="xlstm", mlstm=1, heads=1}'
    with pytest.raises(RecipeError, match=r"model\.hidden_size: must be one size: xlstm's blocks"):
        built(cell, "model.embedding_dim=8", "model.hidden_size=[8, 8]", "model.num_layers=2")


def test_words_are_counted_as_in_papers(tmp_path: Path) -> None:
    overrides = ['tokenizer={model_type="word", closed_vocabulary=true}', "training.steps=1"]
    run_recipe = read_recipe(str(write_recipe(tmp_path, LANGUAGE_MODEL)), overrides)
    list(start(run_recipe, tmp_path / "run").run())
    scored = evaluate(tmp_path / "run")
    words = sum(len(english.split()) + 1 for english, _ in pairs_of("test"))
    assert scored.values["tokens"] == scored.values["words"] == words
    assert "|vocabulary:closed" in str(scored.values["signature"])


def test_triggered_averaging_has_the_patience_of_the_recipe() -> None:
    overrides = ['training.averaging={kind="triggered", patience=7}', "training.validate_every=9"]
    average = build_average(recipe("language-model", *overrides).training)
    assert isinstance(average, TriggeredAveraging)
    assert average.patience == 7


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ('{kind="adaptive-softmax", cutoffs=[20, 30]}', AdaptiveSoftmax),
        ('{kind="mixture-of-softmaxes", num_experts=3}', MixtureOfSoftmaxes),
    ],
)
@pytest.mark.parametrize("tied", ["true", "false"])
def test_every_output_layer_works_in_both_models(
    output: str, expected: type[OutputLayer], tied: str
) -> None:
    overrides = (f"model.output={output}", f"model.tie_embeddings={tied}")
    for task in ("translation", "language-model"):
        model = build_model(recipe(task, *overrides), PIECES)
        assert type(model.output_layer) is expected
        table = model.target if isinstance(model, Translator) else model.embedding
        assert (model.output_layer.weight is table.table.weight) == (tied == "true")


def test_cutoffs_beyond_the_vocabulary_are_a_mistake_of_the_recipe() -> None:
    with pytest.raises(RecipeError, match=r"model\.output: cutoffs must rise .* of 50, were"):
        built('model.output={kind="adaptive-softmax", cutoffs=[20, 60]}')


@pytest.mark.parametrize(
    "output",
    [
        '{kind="adaptive-softmax", cutoffs=[40, 280]}',
        '{kind="mixture-of-softmaxes", num_experts=2}',
    ],
)
def test_from_text_to_text(output: str, tmp_path: Path) -> None:
    overrides = ["training.steps=3", "training.validate_every=3", f"model.output={output}"]
    run_recipe = read_recipe(str(write_recipe(tmp_path, LANGUAGE_MODEL)), overrides)
    list(start(run_recipe, tmp_path / "run").run())
    scored = evaluate(tmp_path / "run").values
    loaded = load(tmp_path / "run", device="cpu")
    assert isinstance(loaded, LoadedLanguageModel)
    assert scored["nats_per_token"] < math.log(300) + 1
    assert len(loaded.generate("The", max_new_tokens=5, seed=1)) > 0
