"""Mistakes in data, run folders and devices: exit code 2, and no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.runs import TRANSLATOR, invoke, pairs_of, refusal, write_lines, write_recipe, write_table


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path, TRANSLATOR)


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


class TestData:
    """`check` and `train` report the same mistakes."""

    @pytest.fixture(params=["check", "train"])
    def command(self, request: pytest.FixtureRequest, recipe: Path) -> list[object]:
        run = ["--run", recipe.parent / "run"] if request.param == "train" else []
        return [request.param, recipe, *run]

    def test_a_missing_column_lists_the_columns(
        self, command: list[object], tmp_path: Path
    ) -> None:
        rows: list[tuple[str, ...]] = list(pairs_of("train"))
        file = write_table(tmp_path / "rows.jsonl", ("en", "de"), rows)
        error = refusal(*command, f"data.source={file}", 'data.pair=["en", "ed"]')
        assert 'has no column "ed". Its columns: en, de.' in error

    def test_unequal_files_have_both_counts_in_the_message(
        self, command: list[object], tmp_path: Path
    ) -> None:
        write_lines(tmp_path / "train.de", [german for _, german in pairs_of("train")[1:]])
        error = refusal(*command)
        assert "train.en has 200 lines" in error
        assert "train.de has 199" in error

    def test_an_empty_split(self, command: list[object], tmp_path: Path) -> None:
        write_lines(tmp_path / "train.en", [])
        write_lines(tmp_path / "train.de", [])
        assert 'the split "train" is empty' in refusal(*command)

    def test_bytes_that_are_not_utf8_have_a_line_number(
        self, command: list[object], tmp_path: Path
    ) -> None:
        (tmp_path / "train.de").write_bytes(b"gut\ngut\nsch\xf6n\n")
        assert "train.de, line 3: not UTF-8 (byte 0xf6)" in refusal(*command)

    def test_a_missing_file(self, command: list[object], tmp_path: Path) -> None:
        (tmp_path / "validation.de").unlink()
        error = refusal(*command)
        assert "There is no file" in error
        assert "validation.de" in error

    def test_an_unreachable_hub(
        self, command: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import huggingface_hub

        def unreachable(*_: object, **__: object) -> None:
            raise OSError("Name or service not known")

        monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)
        error = refusal(*command, "data.source=someone/something")
        assert 'asked for the data set "someone/something" and could not be reached' in error
        assert "data.source=FOLDER" in error

    def test_a_missing_tokenizer(self, command: list[object]) -> None:
        error = refusal(*command, 'tokenizer={file="tokenizers/none.model"}')
        assert "no tokenizer tokenizers/none.model" in error

    def test_a_vocabulary_that_is_too_large(self, command: list[object]) -> None:
        assert "too large for this text" in refusal(*command, "tokenizer.vocab_size=50000")


def test_a_broken_test_split_is_a_warning(recipe: Path) -> None:
    write_lines(recipe.parent / "test.de", ["allein"])
    result = invoke("check", recipe)
    assert result.exit_code == 0, result.output
    assert "warning: training rows were not looked for in the test split: " in result.stderr
    assert "test.en has 20 lines" in result.stderr


RUN_COMMANDS = (
    *(["translate"], ["generate", "x"], ["score"], ["evaluate"], ["info"]),
    ["train", "--resume", "--run"],
)


def with_run(command: list[str], run: Path) -> list[object]:
    """The command on a run folder; `train` also needs its recipe."""
    if command[0] == "train":
        return ["train", run.parent / "recipe.toml", *command[1:], run]
    return [command[0], run, *command[1:]]


@pytest.mark.parametrize("command", RUN_COMMANDS, ids=lambda command: command[0])
class TestRunFolders:
    def test_missing(self, command: list[str], recipe: Path) -> None:
        run = recipe.parent / "nowhere"
        assert f"{run} is no run folder" in refusal(*with_run(command, run), text="x\n")

    def test_written_by_a_newer_version(
        self, command: list[str], recipe: Path, copied: Path
    ) -> None:
        card = json.loads((copied / "run.json").read_text()) | {"format": 99}
        (copied / "run.json").write_text(json.dumps(card))
        error = refusal(*with_run(command, copied), text="x\n")
        assert "was written by a newer seqlstm: format 99" in error

    def test_with_a_damaged_card(self, command: list[str], recipe: Path, copied: Path) -> None:
        (copied / "run.json").write_text('{"format"')
        assert "run.json is damaged" in refusal(*with_run(command, copied), text="x\n")

    def test_without_its_recipe(self, command: list[str], recipe: Path, copied: Path) -> None:
        (copied / "recipe.toml").unlink()
        assert "recipe.toml" in refusal(*with_run(command, copied), text="x\n")


@pytest.mark.parametrize("command", [["translate"], ["score"], ["evaluate"]], ids=" ".join)
class TestWeights:
    @pytest.mark.parametrize("size", [0, 5, 1000, -1])
    def test_truncated(self, command: list[str], copied: Path, size: int) -> None:
        file = copied / "best.safetensors"
        file.write_bytes(file.read_bytes()[:size])
        error = refusal(*with_run(command, copied), text="x\ty\n")
        assert "best.safetensors is damaged, or was not written by seqlstm" in error

    def test_missing(self, command: list[str], copied: Path) -> None:
        for name in ("best", "last"):
            (copied / f"{name}.safetensors").unlink()
        assert "last.safetensors is missing" in refusal(*with_run(command, copied), text="x\ty\n")

    def test_of_another_model(self, command: list[str], copied: Path) -> None:
        text = (copied / "recipe.toml").read_text().replace("hidden_size = 32", "hidden_size = 48")
        (copied / "recipe.toml").write_text(text)
        error = refusal(*with_run(command, copied), text="x\ty\n")
        assert "recipe.toml is not the recipe with which this run was trained" in error

    def test_without_a_tokenizer(self, command: list[str], copied: Path) -> None:
        (copied / "tokenizer.model").unlink()
        assert "tokenizer.model" in refusal(*with_run(command, copied), text="x\ty\n")


@pytest.mark.parametrize("size", [0, 100, -10])
def test_resuming_from_a_truncated_checkpoint(translator: Path, copied: Path, size: int) -> None:
    file = copied / "checkpoint.pt"
    file.write_bytes(file.read_bytes()[:size])
    recipe = translator.parent / "recipe.toml"
    error = refusal("train", recipe, "training.steps=70", "--run", copied, "--resume")
    assert "checkpoint.pt is damaged, or was not written by seqlstm" in error


def test_a_missing_gpu(translator: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    error = refusal("translate", translator, "--device", "cuda", text="x\n")
    assert "torch sees 0 CUDA devices" in error


@pytest.mark.parametrize("device", ["gpu", "cuda:x", ""])
def test_an_unknown_device(translator: Path, device: str) -> None:
    assert "device" in refusal("translate", translator, "--device", device, text="x\n")
