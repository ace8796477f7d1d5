"""Translators with every part that a recipe can choose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seqlstm.data.batching.collate import collate_pairs
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.models.attention import ATTENTIONS
from seqlstm.models.decoders.bahdanau import BahdanauDecoder
from seqlstm.models.decoders.base import Decoder
from seqlstm.models.decoders.input_feeding import InputFeedingDecoder
from seqlstm.models.decoders.no_attention import NoAttentionDecoder
from seqlstm.models.decoders.parallel import ParallelDecoder
from seqlstm.models.embedding import TokenEmbedding
from seqlstm.models.translator import Translator
from seqlstm.recipe.build.model import choose_backends
from seqlstm.recipe.load import load
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.train import start
from seqlstm.recurrent.layer import Recurrent
from tests.config.cases import TABLES, recipe
from tests.models import cases as models
from tests.recipe.test_cells_in_recipes import build, learns, mistakes
from tests.recurrent.cases import assert_same
from tests.runs import TRANSLATOR, write_recipe


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("kind", ATTENTIONS)
def test_every_attention_makes_a_model_that_learns(kind: str, heads: int) -> None:
    model = build("translation", f'model.attention={{kind="{kind}", heads={heads}}}')
    attention = next(module for module in model.modules() if type(module) is ATTENTIONS[kind])
    assert attention.heads == heads
    assert learns(model)


def test_general_attention_is_the_default() -> None:
    names = [name for name, _ in build("translation").named_parameters() if "attention" in name]
    assert [name.split(".")[-2:] for name in names] == [["query", "weight"]]


@pytest.mark.parametrize(
    ("overrides", "key", "problem"),
    [
        (
            ['model.attention={kind="dot"}', "model.encoder.hidden_size=12"],
            "model.attention",
            "must be equally wide, were: 8 and 12",
        ),
        (['model.attention={kind="additive", heads=3}'], "model.attention", "heads must divide"),
        (
            ['model.attention={kind="additive", coverage=true}'],
            "model.attention",
            "coverage cannot take effect in a decoder that is parallel over time",
        ),
        (
            ['model.decoder={kind="no-attention"}', 'model.attention={kind="dot"}'],
            "model.attention",
            "cannot take effect: the decoder has none",
        ),
        (
            ['model.decoder={kind="no-attention", bridge=true}'],
            "model.decoder",
            "bridge cannot take effect: a decoder without attention always has one",
        ),
        (
            ['model.decoder={kind="no-attention", lexical=true}'],
            "model.decoder",
            "lexical cannot take effect: a decoder without attention looks at no words",
        ),
        (
            ['model.decoder={kind="no-attention"}', "decoding.coverage_penalty=0.2"],
            "decoding.coverage_penalty",
            "cannot take effect: the decoder has no attention",
        ),
        (
            [
                'model.decoder={kind="no-attention"}',
                "model.num_layers=1",
                "model.dropout.inter_layer=0.1",
            ],
            "model.dropout.inter_layer",
            "cannot take effect with single layers",
        ),
        (
            ["model.encoder.reverse=true"],
            "model.encoder",
            "reverse cannot take effect where bidirectional reads in both ways",
        ),
        (
            ["model.tie_embeddings=three"],
            "model.tie_embeddings",
            "must be one of true, false, two-way, three-way, was: three",
        ),
        (
            ['model.decoder={kind="no-atention"}'],
            "model.decoder.kind",
            "must be one of parallel, input-feeding, bahdanau, no-attention, was: no-atention",
        ),
        (
            ['model.decoder={kind="no-attention"}', 'model.cell={kind="mlstm"}'],
            "model.decoder",
            "holds neither an h nor a c",
        ),
    ],
)
def test_one_clear_mistake(overrides: list[str], key: str, problem: str) -> None:
    (found,) = mistakes("translation", *overrides)
    assert found.key == key
    assert problem in found.problem


# Decoders.

DECODERS: dict[str, type[Decoder]] = {
    "parallel": ParallelDecoder,
    "input-feeding": InputFeedingDecoder,
    "bahdanau": BahdanauDecoder,
    "no-attention": NoAttentionDecoder,
}


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("kind", DECODERS)
def test_every_decoder_makes_a_model_that_learns(kind: str, layers: int) -> None:
    model = build(
        "translation",
        f'model.decoder={{kind="{kind}", num_layers={layers}, hidden_size=12}}',
        "model.connection=residual",
        "model.dropout={embedding=0.1, inter_layer=0.1, output=0.1, weight_drop=0.1}",
    )
    assert isinstance(model, Translator)
    assert type(model.decoder) is DECODERS[kind]
    recurrent = [module for module in model.decoder.modules() if isinstance(module, Recurrent)]
    assert [one.output for one in recurrent] == [12] * layers
    assert learns(model)


@pytest.mark.parametrize("bridge", ["", ", bridge=false", ", bridge=true"])
@pytest.mark.parametrize("kind", [kind for kind in DECODERS if kind != "no-attention"])
def test_a_bridge_is_an_option(kind: str, bridge: str) -> None:
    model = build("translation", f'model.decoder={{kind="{kind}"{bridge}}}')
    assert isinstance(model, Translator)
    assert (model.decoder.bridge is not None) == ("true" in bridge)
    assert learns(model)


@pytest.mark.parametrize("tied", ["false", "two-way", "three-way"])
@pytest.mark.parametrize("kind", [kind for kind in DECODERS if kind != "no-attention"])
def test_a_lexical_module_is_an_option(kind: str, tied: str) -> None:
    model = build(
        "translation",
        f'model.decoder={{kind="{kind}", lexical=true}}',
        f"model.tie_embeddings={tied}",
    )
    assert isinstance(model, Translator)
    assert model.lexical is not None
    assert learns(model)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("kind", ["input-feeding", "bahdanau"])
def test_coverage_is_an_option(kind: str, attention: str) -> None:
    model = build(
        "translation",
        f'model.decoder={{kind="{kind}"}}',
        f'model.attention={{kind="{attention}", coverage=true, heads=2}}',
    )
    assert learns(model)
    assert any(name.endswith("attention.coverage") for name, _ in model.named_parameters())


@pytest.mark.parametrize("kind", DECODERS)
def test_the_backend_of_every_layer(kind: str) -> None:
    decoder = f'model.decoder={{kind="{kind}"}}'
    names = ["first 1", "rest 1"] if kind == "parallel" else ["decoder 1", "decoder 2"]
    backends = choose_backends(recipe("translation", decoder), build("translation", decoder))
    assert list(backends) == ["encoder 1", "encoder 2", *names]
    alone = kind in ("input-feeding", "bahdanau")
    assert all(backends[name].startswith("loop (others: ") == alone for name in names)
    # Fused kernels have no last state of rows with different lengths, which the bridge needs.
    assert backends["encoder 1"].startswith("torch-fused") == (kind != "no-attention")


@pytest.mark.parametrize("kind", DECODERS)
def test_hypotheses_have_the_scores_of_a_forward_pass(kind: str, tmp_path: Path) -> None:
    """A trained and loaded translator: scores of beam search equal those of a forward pass."""
    path = write_recipe(tmp_path, TRANSLATOR)
    short = ["training.steps=2", f'model.decoder={{kind="{kind}"}}']
    list(start(read_recipe(str(path), short), tmp_path / "run").run())
    loaded = load(tmp_path / "run", device="cpu")
    assert isinstance(loaded, LoadedTranslator)
    assert len(loaded.translations(["A woman paints."], beam_size=3, n_best=2)[0]) == 2
    lines = ["A woman paints.", "Nobody", "The old man sees"]
    sources = loaded.tokenizers.source.encode_batch(lines)
    for source, (best,) in zip(sources, loaded.translations(lines, beam_size=3), strict=True):
        batch = collate_pairs([source], [best.ids], loaded.tokenizers)
        with torch.inference_mode():
            (scores,) = loaded.model.log_probabilities(batch)
        log_probs = scores[: len(best.ids) + best.finished]
        assert float(log_probs.sum()) == pytest.approx(best.log_probability, rel=1e-4)


# Tables of embeddings.


@pytest.mark.parametrize(
    ("tied", "tables"),
    [("true", "AAA"), ("three-way", "AAA"), ("two-way", "ABB"), ("false", "ABC")],
)
def test_shared_tables(tied: str, tables: str, tmp_path: Path) -> None:
    """Tables of source, target and output layer of a trained and loaded translator."""
    path = write_recipe(tmp_path, TRANSLATOR)
    recipe = read_recipe(str(path), ["training.steps=2", f"model.tie_embeddings={tied}"])
    list(start(recipe, tmp_path / "run").run())
    loaded = load(tmp_path / "run", device="cpu")
    assert isinstance(loaded, LoadedTranslator)
    model = loaded.model
    used = [model.source.table.weight, model.target.table.weight, model.output_layer.weight]
    letters = {id(weight): letter for weight, letter in zip(used, tables, strict=True)}
    assert "".join(letters[id(weight)] for weight in used) == tables
    assert len(letters) == len(set(tables))
    vocabulary = [p for p in model.parameters() if len(p) == loaded.tokenizers.target.vocab_size]
    assert len(vocabulary) == len(set(tables)) + 1  # and the output layer's bias
    assert learns(build("translation", f"model.tie_embeddings={tied}"))


def test_a_language_model_has_one_embedding_to_tie() -> None:
    for word in ("two-way", "three-way"):
        (found,) = mistakes("language-model", f"model.tie_embeddings={word}")
        assert found.key == "model.tie_embeddings"
        assert "a language model has one embedding" in found.problem


# The encoder.


@pytest.mark.parametrize("kind", DECODERS)
def test_a_source_can_be_read_from_its_end(kind: str) -> None:
    """Each row is reversed within its length, as if the source had been reversed before."""
    built = []
    for reverse in ("true", "false"):
        torch.manual_seed(0)
        encoder = f"model.encoder={{bidirectional=false, reverse={reverse}}}"
        built.append(build("translation", f'model.decoder={{kind="{kind}"}}', encoder).eval())
    batch = models.pair_batch()
    assert batch.source is not None
    assert batch.source_lengths is not None
    turned = torch.zeros_like(batch.source)
    for row, length in enumerate(batch.source_lengths.tolist()):
        turned[row, :length] = batch.source[row, :length].flip(0)
    backwards, forwards = (model.log_probabilities(batch) for model in built)
    same = built[1].log_probabilities(replace(batch, source=turned))
    assert_same(backwards, same, rtol=1e-5, atol=1e-6)
    assert (backwards - forwards).abs().max() > 1e-4


@pytest.mark.parametrize("task", TABLES)
def test_word_dropout_reaches_every_embedding(task: str) -> None:
    model = build(task, "model.dropout.word=0.5", "model.tie_embeddings=false")
    found = [module for module in model.modules() if isinstance(module, TokenEmbedding)]
    assert [one.word_dropout for one in found] == [0.5] * (2 if task == "translation" else 1)
    assert learns(model)
