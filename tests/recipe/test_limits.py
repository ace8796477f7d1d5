"""What a machine cannot hold is refused before anything is made; what fits is not."""

from __future__ import annotations

import tomllib
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from seqlstm.errors import DataError, RecipeError
from seqlstm.recipe import memory_estimate
from seqlstm.recipe.build.model import build_model
from seqlstm.recipe.memory_estimate import byte_text, check_machine, estimate, refuse_large
from seqlstm.recipe.preview import preview
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.shipped import recipe_paths
from seqlstm.recipe.train import start
from seqlstm.recurrent.blocks.xlstm import BlockLinear
from seqlstm.runtime import memory
from seqlstm.runtime.device import choose_device
from seqlstm.sweep.workers import run_all
from seqlstm.text.train_tokenizer import train_tokenizer
from tests.config.mutations import VALUES, mutations

GIGABYTE = 10**9


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of two cores and 16 GB."""
    monkeypatch.setattr(memory_estimate, "available_cores", lambda: 2)
    monkeypatch.setattr(memory_estimate, "memory_limit", lambda device: 16 * GIGABYTE)
    monkeypatch.setattr(memory_estimate, "host_memory", lambda: 16 * GIGABYTE)


@pytest.mark.parametrize("name", recipe_paths())
def test_shipped_recipes_fit(name: str) -> None:
    check_machine(read_recipe(name))


LARGE = [
    ("dates-en-de", "threads=100000", "threads", "at most the 2 cores of this machine"),
    ("dates-en-de", "model.hidden_size=1000000000", "model.hidden_size", "64 bits can count"),
    ("dates-en-de", "model.hidden_size=100000", "model.hidden_size", "training needs at least"),
    ("tiny-shakespeare", "model.embedding_dim=1000000000", "model.embedding_dim", "16 GB"),
    ("war-and-peace", "tokenizer={vocab_size=1000000000}", "tokenizer.vocab_size", "at least"),
    (
        "war-and-peace",
        "tokenizer={vocab_size=1000000000000}",
        "tokenizer.vocab_size",
        "equal to 1000000000",
    ),
    ("dates-en-de", "model.num_layers=100000000", "model.num_layers", "equal to 256"),
    ("dates-en-de", "model.encoder.num_layers=100000000", "model.encoder.num_layers", "256"),
    ("dates-en-de", "decoding.beam_size=1000000000", "decoding.beam_size", "translating a sen"),
    ("dates-en-de", "decoding.beam_size=1000000000000", "decoding.beam_size", "less than"),
    ("dates-en-de", "data.batching.max_tokens=1000000000000", "data.batching.max_tokens", "less"),
    ("tiny-shakespeare", "data.batching.bptt=1000000000000", "data.batching.bptt", "less than"),
    ("tiny-shakespeare", "data.batching.batch_size=1000000000000", "data.batching.batch_size", ""),
    ("parity", "model.cell={kind='mogrifier', rounds=1000000000}", "model.cell", "at most 100"),
    ("parity", "model.cell={kind='lstm', forget_bias=nan}", "model.cell.forget_bias", "finite"),
    ("parity", "model.cell={kind='lstm', forget_bias=inf}", "model.cell.forget_bias", "finite"),
]


@pytest.mark.parametrize(("name", "override", "key", "problem"), LARGE)
def test_what_does_not_fit_is_refused(name: str, override: str, key: str, problem: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_machine(read_recipe(name, [override]))
    (mistake,) = caught.value.mistakes
    assert mistake.key == key
    assert problem in str(mistake)


def test_the_message_names_the_estimate_the_memory_and_the_keys() -> None:
    with pytest.raises(RecipeError) as caught:
        check_machine(read_recipe("dates-en-de", ["model.hidden_size=100000"]))
    text = str(caught.value)
    assert "TB (weights " in text
    assert "this process can use 16 GB" in text
    assert "large because of model.hidden_size = 100,000" in text


def test_a_training_is_refused_before_its_folder_is_made(tmp_path: Path) -> None:
    for override in ("model.hidden_size=1000000", "threads=100000"):
        with pytest.raises(RecipeError):
            start(read_recipe("parity", [override]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_preview_has_the_estimate() -> None:
    found = preview("parity", [])
    assert found.memory.startswith("at least ")
    weights = 16 * sum(found.parameters.values())  # weight, gradient, two states of Adam
    assert f"weights {byte_text(weights)}" in found.memory
    assert " of " in found.memory


def test_fewer_tokens_than_streams_are_refused_by_the_preview() -> None:
    with pytest.raises(DataError, match="do not fill 1000000000 rows"):
        preview("python-docs", ["data.batching.batch_size=1000000000"])


@pytest.mark.parametrize(
    ("optimizer", "averaging", "copies"),
    [
        ("{kind='adam'}", "", 4),
        ("{kind='sgd', learning_rate=1}", "", 2),
        ("{kind='sgd', learning_rate=1, momentum=0.5}", "", 3),
        ("{kind='adamw'}", "{kind='exponential'}", 5),
        ("{kind='adamw'}", "{kind='last'}", 4),  # none before the first validation
        ("{kind='sgd', learning_rate=1}", "{kind='triggered'}", 2),  # perhaps never
    ],
)
def test_the_bytes_of_weights(optimizer: str, averaging: str, copies: int) -> None:
    overrides = [f"training.optimizer={optimizer}", f"training.averaging={averaging}"]
    overrides += ["training.validate_every=1"]
    recipe = read_recipe("parity", overrides)
    model = build_model(recipe, (300, 300))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert estimate(recipe, model, 300, None).weights == parameters * 4 * copies
    assert refuse_large(recipe, (300, 300)).weights == parameters * 4 * copies


def test_limits_of_the_process_and_its_control_group(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory.max").write_text("max\n")
    assert list(memory.control_group_limits(tmp_path)) == []
    (tmp_path / "memory.max").write_text("5000000000\n")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("3000000000\n")
    assert sorted(memory.control_group_limits(tmp_path)) == [3_000_000_000, 5_000_000_000]
    monkeypatch.setattr(memory, "address_space_limit", lambda: 0)
    monkeypatch.setattr(memory, "control_group_limits", lambda: iter([12_345]))
    assert memory.host_memory() == 12_345
    monkeypatch.setattr(memory, "address_space_limit", lambda: 999)
    assert memory.memory_limit(choose_device("cpu")) == 999


def test_a_limit_of_the_vocabulary_that_no_text_reaches() -> None:
    large = train_tokenizer(["abc", "cab"], model_type="word", vocab_size=2**31 - 1)
    assert (
        large.vocab_size
        == train_tokenizer(["abc", "cab"], model_type="word", vocab_size=1000).vocab_size
    )


def test_generated_sources_have_a_largest_size() -> None:
    overrides = ["data.options={longest=40, test_longest=1000000000}"]
    with pytest.raises(DataError, match="at most 2,000"):
        preview("parity", overrides)


def test_blocks_are_initialized_as_one_by_one() -> None:
    torch.manual_seed(1)
    together = BlockLinear(64).blocks.detach()
    torch.manual_seed(1)
    for block in together:
        assert block.equal(nn.init.xavier_uniform_(torch.empty(4, 4)))


def test_more_jobs_than_cores_share_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("seqlstm.sweep.workers.available_cores", lambda: 2)
    monkeypatch.setattr(
        "seqlstm.sweep.workers.in_processes", lambda jobs, **options: seen.append(options)
    )
    with pytest.warns(UserWarning, match="2 runs at once, not 100000"):
        run_all([], at_once=100_000, stop=None)  # type: ignore[arg-type]
    assert seen[0]["at_once"] == 2


def test_the_hostile_values_are_many() -> None:
    assert len(VALUES) >= 60
    texts = [*islice(mutations(0), 200)]
    tables = 0
    for text in texts:
        try:
            tables += bool(tomllib.loads(text))
        except ValueError:
            continue
        except RecursionError:
            continue
    assert tables > 100
