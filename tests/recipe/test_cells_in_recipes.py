"""Every cell of the catalogue in both models, and options that contradict each other."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from seqlstm.config import Recipe, parse, read_overrides
from seqlstm.errors import Mistake, RecipeError
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.translator import Translator
from seqlstm.recipe.build.model import build_model, choose_backends
from seqlstm.recipe.load import load
from seqlstm.recipe.read import CATALOGUE, read_recipe, resolved_text
from seqlstm.recipe.train import start
from seqlstm.recurrent.backends import BACKENDS, Call, choose
from seqlstm.recurrent.backends.native import codegen
from seqlstm.recurrent.catalogue import BLOCKS, CELLS
from seqlstm.recurrent.cells.zoneout import Zoneout
from seqlstm.recurrent.layer import WeightDrop
from tests.config.cases import TABLES
from tests.models.cases import VOCABULARY, pair_batch, text_batch
from tests.runs import LANGUAGE_MODEL, write_recipe
from tests.tiny import loss_of

pytestmark = pytest.mark.usefixtures("unoptimised")

TASKS = list(TABLES)
NOT_FOR_TEXT = [kind for kind, make in CELLS.items() if getattr(make, "required_input", "")]
KINDS = [kind for kind in CELLS if kind not in NOT_FOR_TEXT]
SMALL = ["model.embedding_dim=8", "model.hidden_size=8", "model.num_layers=2"]
XLSTM = 'model.cell={kind="xlstm", mlstm=1, slstm=1, heads=2}'


def recipe(task: str, *overrides: str) -> Recipe:
    table = read_overrides(TABLES[task], [*SMALL, *overrides])
    return parse(table, where="recipe", catalogue=CATALOGUE)


def build(task: str, *overrides: str) -> LanguageModel | Translator:
    model = build_model(recipe(task, *overrides), (VOCABULARY, VOCABULARY))
    choose_backends(recipe(task, *overrides), model)
    assert isinstance(model, LanguageModel | Translator)
    return model


def backends(task: str, *overrides: str) -> list[str]:
    """The backend of each layer, without its reasons."""
    choices = choose_backends(recipe(task, *overrides), build(task, *overrides))
    return [choice.split(" ")[0] for choice in choices.values()]


def mistakes(task: str, *overrides: str) -> tuple[Mistake, ...]:
    with pytest.raises(RecipeError) as caught:
        build(task, *overrides)
    return caught.value.mistakes


def learns(model: LanguageModel | Translator) -> bool:
    """Whether every parameter has a finite gradient after a batch."""
    batch = pair_batch() if isinstance(model, Translator) else text_batch()
    loss, tokens, _ = loss_of(model, batch)
    (loss / tokens).backward()  # type: ignore[no-untyped-call]
    gradients = [parameter.grad for parameter in model.parameters()]
    return all(one is not None and bool(one.isfinite().all()) for one in gradients)


# Every cell.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", TASKS)
def test_every_cell_makes_a_model_that_learns(task: str, kind: str) -> None:
    assert learns(build(task, f'model.cell={{kind="{kind}"}}'))


@pytest.mark.parametrize("kind", NOT_FOR_TEXT)
@pytest.mark.parametrize("task", TASKS)
def test_cells_that_need_another_input_are_mistakes(task: str, kind: str) -> None:
    (found,) = mistakes(task, f'model.cell={{kind="{kind}"}}')
    assert found == Mistake("model.cell", f"{kind} needs {CELLS[kind].required_input}")  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", TASKS)
def test_zoneout_and_weight_drop_reach_every_cell_that_supports_them(task: str, kind: str) -> None:
    cell = CELLS[kind](8, 8)
    shares = {
        "hidden": 0.1 * ("h" in cell.state_names),
        "memory": 0.2 * (cell.state_names != ("h",)),
    }
    drop = 0.5 * hasattr(cell, "recurrent")
    model = build(
        task,
        f'model.cell={{kind="{kind}"}}',
        f"model.zoneout={{hidden={shares['hidden']}, memory={shares['memory']}}}",
        f"model.dropout.weight_drop={drop}",
    )
    zoned = [module for module in model.modules() if isinstance(module, Zoneout)]
    assert len(zoned) == (2 if task == "language-model" else 6)
    assert all(one.probabilities == {n: s for n, s in shares.items() if s} for one in zoned)
    dropping = [module for module in model.modules() if isinstance(module, WeightDrop)]
    assert len(dropping) == (len(zoned) if drop else 0)
    torch.manual_seed(0)
    assert learns(model)


def test_without_probabilities_there_is_no_zoneout() -> None:
    model = build("translation", "model.zoneout={hidden=0.0}")
    assert not [module for module in model.modules() if isinstance(module, Zoneout)]


@pytest.mark.parametrize(
    ("overrides", "key", "problem"),
    [
        (
            ['model.cell={kind="slstm", heads=3}'],
            "model.cell",
            "heads must divide hidden_size: 3 does",
        ),
        (['model.cell={kind="mlstm", heads=0}'], "model.cell", "heads must be positive, was: 0"),
        (
            ['model.cell={kind="elman"}', "model.backend=torch-fused"],
            "model.backend",
            "the backend torch-fused cannot serve: torch has no fused Elman",
        ),
        (
            ['model.cell={kind="mogrifier"}', "model.backend=manual-bptt"],
            "model.backend",
            "the backend manual-bptt cannot serve: the state gates the input",
        ),
        (
            ["model.zoneout={memory=0.1}", "model.backend=torch-fused"],
            "model.backend",
            "the backend torch-fused cannot serve",
        ),
        (
            ['model.cell={kind="gru"}', "model.zoneout={hidden=0.1, memory=0.1}"],
            "model.zoneout",
            "zoneout's memory cannot take effect",
        ),
        (
            ['model.cell={kind="mlstm"}', "model.zoneout={hidden=0.1}"],
            "model.zoneout",
            "zoneout's hidden cannot take effect",
        ),
        (
            ['model.cell={kind="mingru"}', "model.dropout.weight_drop=0.5"],
            "model.dropout.weight_drop",
            "MinGRU has no recurrent matrix to drop from",
        ),
        # Mistakes that are found before the model is built.
        (['model.cell={kind="slstm", haeds=2}'], "model.cell", 'no option "haeds"; did you mean'),
        (['model.cell={kind="slstm", heads="2"}'], "model.cell", "must be a valid integer"),
        (
            ['model.cell={kind="odyssey", variant="W"}'],
            "model.cell",
            "odyssey's variant must be 'V', ",
        ),
        (
            ["model.backend=hoistd"],
            "model.backend",
            "native, torch-fused, manual-bptt, scan, chunkwise, loop, was: hoistd",
        ),
        (["model.backend=3"], "model.backend", "must be a valid string, was: 3"),
        (["model.zoneout={hidden=1.0}"], "model.zoneout.hidden", "must be less than 1, was: 1.0"),
        (["model.zoneout={cell=0.1}"], "model.zoneout.cell", "unknown key"),
        (["model.zoneout=0.1"], "model.zoneout", "must be a valid"),
    ],
)
@pytest.mark.parametrize("task", TASKS)
def test_one_clear_mistake(task: str, overrides: list[str], key: str, problem: str) -> None:
    (found,) = mistakes(task, *overrides)
    assert found.key == key
    assert problem in found.problem


@pytest.mark.parametrize("backend", ["loop", "manual-bptt"])
@pytest.mark.parametrize("task", TASKS)
def test_the_backend_of_the_recipe_runs_every_layer(task: str, backend: str) -> None:
    overrides = f"model.backend={backend}", 'model.cell={kind="peephole"}'
    assert {*backends(task, *overrides)} == {backend}


@pytest.mark.parametrize("compiles", [True, False])
def test_every_backend_is_chosen_for_a_cell(
    compiles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = None if compiles else "no compiler"
    monkeypatch.setattr(codegen, "unavailable_reason", lambda: reason)
    served = {
        backend
        for kind in KINDS
        for backend in backends("language-model", f'model.cell={{kind="{kind}"}}')
    }
    assert served == BACKENDS.keys() - {"manual-bptt" if compiles else "native"}


def test_the_text_of_a_recipe_with_zoneout_is_parsed_to_the_same_recipe() -> None:
    stated = recipe("translation", "model.zoneout={hidden=0.05, memory=0.1}", "model.backend=loop")
    assert parse(tomllib.loads(resolved_text(stated)), where="again", catalogue=CATALOGUE) == stated


# Residual blocks.


def test_xlstm_makes_a_stack_of_blocks() -> None:
    overrides = XLSTM, "model.num_layers=3", "model.dropout.inter_layer=0.1"
    model = build("language-model", *overrides)
    names = [type(layer).__name__ for layer in model.stack.layers]
    assert names == ["MLSTMBlock", "SLSTMBlock", "MLSTMBlock"]
    assert backends("language-model", *overrides) == [
        *("chunkwise", choose(CELLS["slstm"](8, 8), Call()).backend.name, "chunkwise")
    ]
    assert learns(model)
    assert {*backends("language-model", XLSTM, "model.backend=loop")} == {"loop"}


@pytest.mark.parametrize(
    "overrides",
    [
        [
            "model.hidden_size=24",
            'model.cell={kind="xlstm", mlstm=1, heads=2}',
            "model.num_layers=2",
        ],
        ['model.cell={kind="slstm", heads=4}', "model.zoneout={hidden=0.1, memory=0.1}"],
        ['model.cell={kind="mlstm", heads=2}', "model.zoneout={memory=0.1}"],
        ['model.cell={kind="minlstm"}', "model.zoneout={hidden=0.1}"],
    ],
    ids=lambda overrides: overrides[-1],
)
def test_from_text_to_text(overrides: list[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, LANGUAGE_MODEL)
    short = ["training.steps=4", "training.validate_every=4", *overrides]
    losses = []
    for run in ("one", "other"):
        prepared = start(read_recipe(str(path), short), tmp_path / run)
        losses.append([report.values["loss"] for report in prepared.run() if report.kind == "step"])
    assert losses[0] == losses[1]
    loaded = load(tmp_path / "one", device="cpu")
    scores = [loaded.score(["Everyone sees the house today."]) for _ in range(2)]
    assert scores[0] == scores[1]
    assert isinstance(loaded.generate("Everyone", max_new_tokens=3, seed=1), str)


def contradictions(kind: str) -> Iterator[str]:
    yield f'model.cell={{kind="{kind}"}}'
    yield "model.embedding_dim=16"
    yield "model.connection=residual"
    yield "model.dropout.weight_drop=0.1"
    yield "model.zoneout.memory=0.1"


@pytest.mark.parametrize("kind", BLOCKS)
def test_all_keys_that_contradict_blocks_are_mistakes(kind: str) -> None:
    found = {one.key: one.problem for one in mistakes("language-model", *contradictions(kind))}
    assert list(found) == [
        *("model.embedding_dim", "model.connection", "model.dropout.weight_drop", "model.zoneout")
    ]
    assert found["model.embedding_dim"] == (
        f"must equal hidden_size, since {kind}'s blocks are residual, were: 16 and 8"
    )
    assert "residual already" in found["model.connection"]
    assert "no recurrent matrix" in found["model.dropout.weight_drop"]
    assert "state" in found["model.zoneout"]


@pytest.mark.parametrize("kind", BLOCKS)
def test_a_translator_cannot_have_blocks(kind: str) -> None:
    (found,) = mistakes("translation", f'model.cell={{kind="{kind}"}}')
    assert found.key == "model.cell"
    assert f"{kind} is for language models" in found.problem
    assert "context" in found.problem


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("heads=3", "heads"),
        ("mlstm=0, slstm=0", "at least one block"),
        ("backend='loop'", 'xlstm has no option "backend"; it has mlstm, slstm, heads'),
    ],
)
def test_blocks_check_their_options(options: str, problem: str) -> None:
    (found,) = mistakes("language-model", f'model.cell={{kind="xlstm", {options}}}')
    assert found.key == "model.cell"
    assert problem in found.problem
