"""Keys of a recipe that do not go together."""

from __future__ import annotations

import pytest

from seqlstm.errors import Mistake
from tests.config.cases import mistakes, recipe


@pytest.mark.parametrize(
    ("task", "override", "key"),
    [
        ("translation", "data.text=text", "data.text"),
        ("translation", "data.unit=line", "data.unit"),
        ("translation", "training.regularizers.temporal=1", "training.regularizers"),
        ("language-model", 'data.pair=["a", "b"]', "data.pair"),
        ("language-model", "data.max_length=9", "data.max_length"),
        ("language-model", "data.max_length_ratio=2", "data.max_length_ratio"),
        ("language-model", "data.drop_duplicates=false", "data.drop_duplicates"),
        ("language-model", 'model.attention={kind="general"}', "model.attention"),
        ("language-model", "model.encoder.num_layers=2", "model.encoder"),
        ("language-model", "model.decoder.num_layers=2", "model.decoder"),
        ("language-model", "decoding.beam_size=3", "decoding.beam_size"),
        ("language-model", "decoding.length_penalty=0", "decoding.length_penalty"),
        ("language-model", "decoding.coverage_penalty=0.2", "decoding.coverage_penalty"),
        ("language-model", "decoding.no_repeat_ngram_size=3", "decoding.no_repeat_ngram_size"),
    ],
)
def test_a_key_that_cannot_take_effect(task: str, override: str, key: str) -> None:
    expected = Mistake(key, f"cannot take effect in a {task} recipe", "leave it out")
    assert mistakes(task, override) == [expected]


def test_reset_at_document_needs_documents() -> None:
    (found,) = mistakes("language-model", "data.unit=line", "data.batching.reset_at_document=true")
    assert found == Mistake(
        "data.batching.reset_at_document", 'cannot take effect with unit = "line"'
    )
    assert not recipe(
        "language-model", "data.unit=line", "data.batching.reset_at_document=false"
    ).resets
    assert recipe("language-model", "data.batching.reset_at_document=true").resets


def test_temporal_regularization_needs_two_steps() -> None:
    overrides = ("data.batching.bptt=1", "training.regularizers={activation=1, temporal=1}")
    (found,) = mistakes("language-model", *overrides)
    problem = "cannot take effect with batches of one step"
    assert found == Mistake("training.regularizers.temporal", problem)
    recipe("language-model", "data.batching.bptt=1", "training.regularizers.activation=1")


@pytest.mark.parametrize(
    "output",
    [
        '{kind="adaptive-softmax", cutoffs=[9]}',
        '{kind="mixture-of-softmaxes", num_experts=2}',
    ],
)
def test_label_smoothing_needs_a_softmax_output(output: str) -> None:
    (found,) = mistakes("translation", f"model.output={output}", "training.label_smoothing=0.1")
    assert found.key == "training.label_smoothing"
    assert "needs a softmax output" in found.problem


@pytest.mark.parametrize(
    ("task", "sizes", "layers", "problem"),
    [
        ("language-model", "[8, 6, 4]", "2", "3 sizes for 2 layers"),
        ("language-model", "[8, 6]", "", "2 sizes for 1 layer"),
        ("language-model", "[]", "2", "0 sizes for 2 layers"),
        ("language-model", "[8, 0]", "2", "must be greater than 0, was: 0"),
        ("translation", "[8, 6]", "2", "must be one size in a translation recipe"),
    ],
)
def test_a_list_of_hidden_sizes_has_one_for_each_layer(
    task: str, sizes: str, layers: str, problem: str
) -> None:
    found = mistakes(task, f"model.hidden_size={sizes}", f"model.num_layers={layers}")
    assert ("model.hidden_size", problem) in [(one.key, one.problem) for one in found]


def test_hidden_size_text() -> None:
    assert recipe("language-model", "model.hidden_size=1150").model.hidden_size_text == "1,150"
    sizes = recipe("language-model", "model.hidden_size=[1150, 400]", "model.num_layers=2").model
    assert (sizes.hidden_size, sizes.hidden_size_text) == ((1150, 400), "1,150 / 400")


def test_inter_layer_dropout_needs_two_layers() -> None:
    (found,) = mistakes("language-model", "model.dropout.inter_layer=0.1")
    assert found == Mistake("model.dropout.inter_layer", "cannot take effect with a single layer")
    recipe("language-model", "model.dropout.inter_layer=0.1", "model.num_layers=2")
    recipe("translation", "model.dropout.inter_layer=0.1")


@pytest.mark.parametrize(
    ("task", "kind", "right"),
    [("translation", "stream", "tokens"), ("language-model", "tokens", "stream")],
)
def test_each_task_has_its_batching(task: str, kind: str, right: str) -> None:
    (found,) = mistakes(task, f'data.batching={{kind="{kind}"}}')
    assert found == Mistake("data.batching.kind", f'a {task} recipe needs "{right}"')


@pytest.mark.parametrize(
    ("task", "metric", "known"),
    [("translation", "bits_per_byte", "bleu, chrf, loss"), ("language-model", "bleu", "bits_per")],
)
def test_each_task_has_its_metrics(task: str, metric: str, known: str) -> None:
    (found,) = mistakes(task, f"training.metric={metric}", "training.validate_every=1")
    assert (found.key, found.problem) == ("training.metric", f"no metric of a {task} recipe")
    assert known in str(found.suggestion)


@pytest.mark.parametrize(("task", "column"), [("translation", "pair"), ("language-model", "text")])
def test_each_task_names_its_columns(task: str, column: str) -> None:
    (found,) = mistakes(task, f"data.{column}=")
    assert found.key == f"data.{column}"
    assert "missing" in found.problem
