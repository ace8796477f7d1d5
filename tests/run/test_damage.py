"""Damaged cards, logs and results: a message that names the file, or success; no traceback."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from random import Random
from typing import Any

import pytest

from seqlstm.errors import RunError, UserError
from seqlstm.plots.curves import curves_of, plot_curves
from seqlstm.recipe.load import load
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.train import resume, start
from seqlstm.run.card import parse_card
from seqlstm.run.folder import RunFolder
from seqlstm.run.log import parse_log
from tests.run.mutations import RAW, mutated
from tests.runs import LANGUAGE_MODEL, answer, invoke, write_recipe

FEW = ("training.steps=40", "training.validate_every=10", "threads=1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    file = write_recipe(tmp_path_factory.mktemp("damage"), LANGUAGE_MODEL)
    list(start(read_recipe(str(file), FEW), file.parent / "run").run())
    return RunFolder.open(file.parent / "run")


@pytest.fixture
def damaged(folder: RunFolder) -> Any:
    """The folder, whose card and log are restored after the test."""
    contents = {file: file.read_bytes() for file in (folder.card, folder.log)}
    yield folder
    for file, content in contents.items():
        file.write_bytes(content)


def test_mutated_cards(folder: RunFolder) -> None:
    random, text, messages = Random(1), folder.card.read_bytes(), []
    for _ in range(1500):
        try:
            card = parse_card(mutated(text, random), folder.card)
        except RunError as error:
            messages.append(str(error))
        else:
            json.loads(card.model_dump_json())
            assert all(isinstance(note, str) for note in card.data.notes)
    assert 500 < len(messages) < 1500
    assert all("run.json is damaged" in one or "newer seqlstm" in one for one in messages)


@pytest.mark.parametrize("raw", RAW, ids=range(len(RAW)))
def test_contents_that_are_no_card(raw: bytes) -> None:
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        parse_card(raw, Path("run.json"))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"threads": "two"}, "threads"),
        ({"packages": []}, "packages"),
        ({"packages": {"torch": 2}}, "packages.torch"),
        ({"data": None}, "data"),
        ({"data": {"notes": [], "warnings": []}}, "data.fingerprints"),
        ({"data": {"fingerprints": {"train": 1}, "notes": [], "warnings": []}}, "train"),
        ({"data": {"fingerprints": {}, "notes": [1], "warnings": []}}, "data.notes.0"),
        ({"backends": ["native"]}, "backends"),
        ({"run": None}, "run is missing"),
        ({"recipe": "abc"}, "recipe"),
    ],
    ids=str,
)
@pytest.mark.parametrize("command", ["info", "score"])
def test_a_damaged_key_is_named(
    damaged: RunFolder, command: str, change: dict[str, Any], key: str
) -> None:
    damaged.card.write_text(json.dumps(json.loads(damaged.card.read_text()) | change))
    result = invoke(command, damaged.path, text="x\n")
    assert result.exit_code == 2, result.output
    assert f"{damaged.card} is damaged: " in result.stderr
    assert key in result.stderr


def test_mutated_logs(folder: RunFolder, tmp_path: Path) -> None:
    random, lines = Random(2), folder.log.read_bytes().splitlines(keepends=True)
    drawn = 0
    for case in range(1000):
        some = list(lines)
        for _ in range(random.choice((1, 1, 4))):
            index = random.randrange(len(some))
            some[index] = mutated(lines[index % len(lines)], random) + b"\n"
        log = parse_log(b"".join(some))
        assert len(log.reports) == len(log.texts)
        curves = curves_of(log.reports)
        if case % 100 == 0 and curves:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                drawn += draws(log.reports, tmp_path / "curves.png")
    assert drawn > 4


def draws(reports: list[dict[str, Any]], file: Path) -> bool:
    try:
        plot_curves(reports, file)
    except UserError:
        return False
    return True


def test_info_of_mutated_folders(damaged: RunFolder) -> None:
    random = Random(3)
    card, lines = damaged.card.read_bytes(), damaged.log.read_bytes().splitlines(keepends=True)
    codes = set()
    for case in range(120):
        damaged.card.write_bytes(mutated(card, random) if case % 3 == 0 else card)
        some = [mutated(line, random) + b"\n" if random.random() < 0.3 else line for line in lines]
        damaged.log.write_bytes(b"".join(some))
        result = invoke("info", damaged.path)
        assert result.exit_code in (0, 2), (result.output, result.exception)
        codes.add(result.exit_code)
    assert codes == {0, 2}


def test_loading_and_resuming_mutated_folders(folder: RunFolder, tmp_path: Path) -> None:
    random, recipe = Random(4), read_recipe(str(folder.recipe), ["training.steps=50"])
    card, lines = folder.card.read_bytes(), folder.log.read_bytes().splitlines(keepends=True)
    outcomes = set()
    for case in range(40):
        path = tmp_path / str(case)
        shutil.copytree(folder.path, path)
        (path / "run.json").write_bytes(mutated(card, random) if case % 2 else card)
        some = [mutated(line, random) + b"\n" if random.random() < 0.3 else line for line in lines]
        (path / "log.jsonl").write_bytes(b"".join(some))
        for use in (lambda path: load(path), lambda path: resume(recipe, path)):
            try:
                use(path)
                outcomes.add("used")
            except UserError:
                outcomes.add("refused")
    assert outcomes == {"used", "refused"}


LINES = (
    *(b"\xff\xfe", b"3", b"[]", b"null", b'"x"', b"{}", b'{"kind": "step"}', b"[" * 9999),
    b'{"kind": "step", "step": "20", "epochs": 1.0, "seconds": 1.0, "done": 0.1}',
    b'{"kind": "step", "step": 1e999, "epochs": 1.0, "seconds": 1.0, "done": 0.1}',
    b'{"kind": "step", "step": -1, "epochs": 1.0, "seconds": 1.0, "done": 0.1}',
    b'{"kind": "validation", "step": 20, "epochs": NaN, "seconds": 1.0, "done": 0.1}',
    b'{"kind": "validation", "step": 20, "epochs": 1.0, "seconds": 1.0, "done": 0.1, "values": 3}',
    b'{"kind": "dance", "step": 20, "epochs": 1.0, "seconds": 1.0, "done": 0.1}',
)


def test_lines_that_are_no_reports_are_left_out_and_counted(damaged: RunFolder) -> None:
    before = damaged.read_log()
    assert before.damaged == 0
    damaged.log.write_bytes(b"\n".join([*LINES, damaged.log.read_bytes()]))
    log = damaged.read_log()
    assert log.damaged == len(LINES)
    assert log.reports == before.reports
    result = invoke("info", damaged.path)
    assert result.exit_code == 0
    assert f"log.jsonl: damaged lines were left out: {len(LINES)}" in result.stderr
    damaged.truncate_log(20)
    assert damaged.read_log().damaged == 0


def test_a_loss_that_is_not_finite_is_no_damage() -> None:
    line = b'{"kind": "validation", "step": 20, "epochs": 1.0, "seconds": 1, "done": 0.1, "values"'
    log = parse_log(line + b': {"loss": NaN, "bleu": Infinity}}\n')
    assert log.damaged == 0
    assert log.reports[0]["values"]["bleu"] == float("inf")


def test_info_has_what_the_run_was_computed_with(folder: RunFolder) -> None:
    text = " ".join(answer("info", folder.path).split())
    card = folder.read_card()
    assert f"{card.processor}, 1 threads" in text
    assert "precision float32 on cpu" in text
    assert f"backends stack 1 {(card.backends or {})['stack 1']}" in text
    assert f"sentencepiece {card.packages['sentencepiece']}" in text
