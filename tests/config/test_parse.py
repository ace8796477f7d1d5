"""Parsing of recipes: round trips through text, and every mistake at once."""

from __future__ import annotations

import tomllib

import pytest

from seqlstm.config import parse, read_overrides
from seqlstm.config.data import StreamBatchingConfig, TokenBatchingConfig
from seqlstm.config.tokenizer import TokenizerFileConfig, TrainedTokenizerConfig
from seqlstm.config.training import AdamConfig, ConstantScheduleConfig
from seqlstm.errors import RecipeError
from seqlstm.recipe.read import resolved_text
from tests.config.cases import CATALOGUE, TABLES, mistakes, recipe

EVERYTHING = {
    "translation": [
        "seed=7",
        "device=cuda:1",
        "precision=bfloat16",
        'data.source={train=["a.en", "a.de"], validation="b.tsv"}',
        "data.revision=refs/convert/parquet",
        "data.splits.validation=dev",
        "data.max_length_ratio=3",
        "data.batching.max_tokens=100",
        "tokenizer={model_type='bpe', subword_regularization=0.1}",
        "model.encoder={num_layers=2, bidirectional=false, reverse=true}",
        "model.decoder={kind='bahdanau', bridge=true}",
        "model.decoder.hidden_size=64",
        'model.output={kind="mixture-of-softmaxes", num_experts=3}',
        'model.cell={kind="gru", reset="before"}',
        'model.attention={kind="general", heads=4}',
        "model.dropout.weight_drop=0.5",
        'training.optimizer={kind="sgd", learning_rate=0.5, momentum=0.9}',
        'training.schedule={kind="plateau", factor=0.25, patience=3}',
        'training.averaging={kind="last", checkpoints=3}',
        "training.validate_every=5",
        "training.metric=bleu",
        "training.minutes=1.5",
        "decoding.beam_size=1",
        "decoding.coverage_penalty=0.2",
        "decoding.no_repeat_ngram_size=3",
    ],
    "language-model": [
        "data.unit=document",
        "data.batching={kind='stream', batch_size=2, bptt_std=5, reset_at_document=true}",
        "tokenizer={file='my.model', subword_regularization=0.2}",
        "model.tie_embeddings=false",
        "model.connection=highway",
        "model.hidden_size=[8, 6, 4]",
        'model.output={kind="adaptive-softmax", cutoffs=[20, 50]}',
        "model.num_layers=3",
        "training.epochs=3",
        'training.optimizer={kind="adamw", betas=[0.8, 0.9], weight_decay=0.1}',
        'training.schedule={kind="inverse-square-root", warmup_steps=4}',
        'training.averaging={kind="exponential", decay=0.9}',
        "training.regularizers={activation=2, temporal=0.5}",
    ],
}


@pytest.mark.parametrize("task", TABLES)
@pytest.mark.parametrize("full", [False, True])
def test_the_text_of_a_recipe_is_parsed_to_the_same_recipe(task: str, full: bool) -> None:
    stated = recipe(task, *(EVERYTHING[task] if full else []))
    again = parse(tomllib.loads(resolved_text(stated)), where="again", catalogue=CATALOGUE)
    assert again == stated
    assert resolved_text(again) == resolved_text(stated)


def test_the_text_has_every_default_that_can_take_effect() -> None:
    table = tomllib.loads(resolved_text(recipe("translation")))
    assert table["seed"] == 1
    assert table["data"]["batching"] == {
        "kind": "tokens",
        "max_tokens": 2500,
        "shuffle_window": 32768,
    }
    assert table["training"]["optimizer"]["betas"] == [0.9, 0.999]
    decoding = {
        "beam_size": 5,
        "length_penalty": 1.0,
        "coverage_penalty": 0.0,
        "no_repeat_ngram_size": 0,
    }
    assert table["decoding"] == decoding
    assert "unit" not in table["data"]
    other = tomllib.loads(resolved_text(recipe("language-model")))
    assert "decoding" not in other
    assert {"max_length", "drop_duplicates"} & other["data"].keys() == set()


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        recipe("translation").seed = 2  # type: ignore[misc]


def test_a_kind_chooses_the_class_of_its_table() -> None:
    assert recipe("translation").data.batching == TokenBatchingConfig()
    assert recipe("language-model").data.batching == StreamBatchingConfig()
    assert recipe("translation").tokenizer == TrainedTokenizerConfig()
    assert recipe("translation", "tokenizer.file=a.model").tokenizer == TokenizerFileConfig(
        file="a.model"
    )
    assert recipe("translation").training.optimizer == AdamConfig()
    assert recipe("translation").training.schedule == ConstantScheduleConfig()


def test_every_mistake_at_once() -> None:
    found = mistakes(
        "translation",
        "sead=3",
        "data.batching.max_tokens=0",
        "model.hiden=4",
        'model.cell={kind="lstn"}',
        "training.steps=ten",
        "training.optimizer.kind=adma",
        "training.metric=blue",
        "data.text=text",
    )
    assert {one.key: (one.problem, one.suggestion) for one in found} == {
        "sead": ("unknown key", 'did you mean "seed"?'),
        "data.batching.max_tokens": ("must be greater than 0, was: 0", None),
        "model.hiden": ("unknown key", 'did you mean "hidden_size"?'),
        "model.cell": ('no cell of kind "lstn"; did you mean "lstm"?', None),
        "training.steps": ("must be a valid integer, was: ten", None),
        "training.optimizer.kind": (
            "must be one of adam, adamw, sgd, was: adma",
            'did you mean "adam"?',
        ),
        "training.metric": (
            "must be one of loss, bleu, chrf, bits_per_byte, accuracy, was: blue",
            'did you mean "bleu"?',
        ),
        "data.text": ("cannot take effect in a translation recipe", "leave it out"),
    }
    assert len(found) == 8


def test_the_error_names_the_recipe_and_every_mistake() -> None:
    table = read_overrides(TABLES["translation"], ["seed=-1", "threads=many"])
    with pytest.raises(RecipeError) as caught:
        parse(table, where="my.toml")
    assert str(caught.value).splitlines() == [
        "my.toml: 2 mistakes",
        "  seed: must be greater than or equal to 0, was: -1",
        "  threads: must be a valid integer, was: many",
    ]


@pytest.mark.parametrize(
    ("override", "key", "problem"),
    [
        ("task=translating", "task", "must be one of translation, language-model"),
        ("seed=true", "seed", "must be a valid integer"),
        ("seed=1.0", "seed", "must be a valid integer"),
        ("device=gpu", "device", "was: gpu"),
        ("data=3", "data", "must"),
        ("data.pair=en", "data.pair", "must be a valid"),
        ('data.pair=["en"]', "data.pair.1", "missing"),
        ("data.batching={batch_size=3}", "data.batching.kind", "missing"),
        ("data.batching.batch_size=3", "data.batching.batch_size", "unknown key"),
        ("tokenizer=unigram", "tokenizer", "must"),
        (
            'tokenizer={file="a.model", model_type="bpe"}',
            "tokenizer.model_type",
            "cannot take effect beside",
        ),
        (
            'tokenizer={model_type="char", subword_regularization=0.1}',
            "tokenizer",
            "subword_regularization needs unigram or bpe",
        ),
        (
            'tokenizer={model_type="char", closed_vocabulary=true}',
            "tokenizer",
            "closed_vocabulary needs word, not char",
        ),
        (
            "tokenizer.subword_regularization=1.0",
            "tokenizer.subword_regularization",
            "must be less than 1, was: 1.0",
        ),
        ("model.cell=lstm", "model.cell", "must be a valid"),
        ("model.dropout.inter_layer=1", "model.dropout.inter_layer", "must be less than 1"),
        (
            'model.output={kind="mixture-of-softmaxes", num_experts=1}',
            "model.output.num_experts",
            "greater than or",
        ),
        (
            'model.output={kind="adaptive-softmax", cutoffs=[]}',
            "model.output.cutoffs",
            "at least 1",
        ),
        (
            'model.output={kind="softmax", num_experts=2}',
            "model.output.num_experts",
            "unknown key",
        ),
        (
            "training.max_grad_norm=inf",
            "training.max_grad_norm",
            "must be a finite number, was: inf",
        ),
        ('training.optimizer={kind="sgd"}', "training.optimizer.learning_rate", "missing"),
        ('training.schedule={kind="cosine", factor=0.5}', "training.schedule.factor", "unknown"),
        (
            'training.schedule={kind="inverse-square-root"}',
            "training.schedule.warmup_steps",
            "missing",
        ),
        ("training.steps=", "training", "one of steps, epochs or minutes must end it"),
        ("training.patience=3", "training", "patience cannot take effect without validate_every"),
        ("training.metric=chrf", "training", "metric cannot take effect"),
        ('training.schedule={kind="plateau"}', "training", "cannot take effect"),
        ('training.averaging={kind="last"}', "training", "cannot take effect"),
        ('training.averaging={kind="triggered"}', "training", "cannot take effect"),
    ],
)
def test_one_mistake(override: str, key: str, problem: str) -> None:
    found = mistakes("translation", override)
    assert key in [one.key for one in found]
    assert any(one.key == key and problem in one.problem for one in found), found


@pytest.mark.parametrize("override", ["tokenizer=3", "tokenizer=[1]", "data.source=3"])
def test_a_value_in_place_of_a_table(override: str) -> None:
    found = mistakes("translation", override)
    assert {one.key for one in found} == {override.split("=")[0]}
