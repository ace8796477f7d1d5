"""Run folders: creation, opening, weights, checkpoints and the log."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch

from seqlstm.errors import FileError, RunError
from seqlstm.run.card import FORMAT, Card, CardData, make_card
from seqlstm.run.folder import RunFolder
from seqlstm.training.progress import TrainingReport


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return create(tmp_path / "run")


def create(path: Path, recipe: bytes = b"seed = 1\n", *, overwrite: bool = False) -> RunFolder:
    """A new run, which replaces an old one where that is allowed."""
    folder = RunFolder(path)
    folder.check_can_create(overwrite=overwrite)
    folder.create(card(), recipe=recipe)
    return folder


def card(run: str = "a" * 32) -> Card:
    data = CardData(fingerprints={"train": "1"}, notes=[], warnings=[])
    return make_card(data=data, tokenizer="none", run=run, recipe=("any",))


def report(kind: str, step: int, **more: object) -> TrainingReport:
    values = {"loss": 1.0 / step}
    return TrainingReport(kind, step=step, epochs=0.5, seconds=1.0, done=0.1, values=values, **more)  # type: ignore[arg-type]


class TestCreate:
    def test_a_new_run_has_a_recipe_and_a_card(self, folder: RunFolder) -> None:
        assert folder.recipe.read_text() == "seed = 1\n"
        card = RunFolder.open(folder.path).read_card()
        assert card.format == FORMAT
        assert set(card.packages) == {"torch", "sentencepiece", "datasets", "sacrebleu"}
        assert sorted(path.name for path in folder.path.iterdir()) == ["recipe.toml", "run.json"]

    def test_parent_folders_are_created(self, tmp_path: Path) -> None:
        assert create(tmp_path / "a" / "b").card.is_file()

    @pytest.mark.parametrize("name", ["checkpoint.pt", "best.safetensors"])
    def test_a_run_with_weights_or_a_checkpoint_is_refused(
        self, folder: RunFolder, name: str
    ) -> None:
        (folder.path / name).write_bytes(b"")
        with pytest.raises(RunError, match="holds a run already") as caught:
            create(folder.path, b"seed = 2\n")
        assert "--resume" in str(caught.value)
        assert "--overwrite" in str(caught.value)
        assert folder.recipe.read_text() == "seed = 1\n"

    def test_overwrite_deletes_all_files_of_the_old_run(self, folder: RunFolder) -> None:
        folder.save_checkpoint({"step": 1})
        folder.save_weights("best", {"weight": torch.ones(2)}, step=1)
        folder.write_log(report("validation", 1))
        (folder.path / "checkpoint.pt.tmp").write_bytes(b"half")
        create(folder.path, b"seed = 2\n", overwrite=True)
        names = sorted(path.name for path in folder.path.iterdir())
        assert names == ["recipe.toml", "run.json"]
        assert folder.recipe.read_text() == "seed = 2\n"

    def test_a_run_without_weights_is_replaced(self, folder: RunFolder) -> None:
        folder.tokenizer.write_bytes(b"old")
        folder.card.unlink()  # as after a kill between the tokenizer and the card
        create(folder.path, b"seed = 2\n")
        assert not folder.tokenizer.exists()

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_folder_with_other_files_is_refused(self, folder: RunFolder, overwrite: bool) -> None:
        (folder.path / "thesis.tex").write_text("mine")
        with pytest.raises(RunError, match="holds other things"):
            create(folder.path, b"seed = 2\n", overwrite=overwrite)
        assert (folder.path / "thesis.tex").read_text() == "mine"
        assert folder.recipe.read_text() == "seed = 1\n"

    def test_a_folder_in_place_of_a_file_is_not_deleted(self, folder: RunFolder) -> None:
        folder.log.mkdir()
        with pytest.raises(RunError, match="holds other things"):
            create(folder.path, b"seed = 2\n", overwrite=True)
        assert folder.recipe.read_text() == "seed = 1\n"

    def test_an_empty_folder_is_accepted(self, tmp_path: Path) -> None:
        assert create(tmp_path).path == tmp_path

    def test_a_file_in_place_of_the_folder(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_text("")
        with pytest.raises(RunError, match="is a file, not a folder"):
            create(path, overwrite=True)

    def test_a_file_in_place_of_the_parent_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(RunError, match="cannot be made"):
            create(tmp_path / "file" / "run")


class TestOpen:
    def test_a_folder_without_a_card_is_no_run(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match=r"is no run folder: it has no run\.json"):
            RunFolder.open(tmp_path / "nowhere")

    def test_a_newer_format_is_refused(self, folder: RunFolder) -> None:
        card = json.loads(folder.card.read_text()) | {"format": FORMAT + 1}
        folder.card.write_text(json.dumps(card))
        with pytest.raises(RunError, match=f"newer seqlstm: format {FORMAT + 1}") as caught:
            RunFolder.open(folder.path)
        assert caught.value.hint == "Upgrade seqlstm."

    @pytest.mark.parametrize("damaged", [b'{"format": 1', b"", b"\xff\xfe", b"[]", b"null"])
    def test_a_damaged_card(self, folder: RunFolder, damaged: bytes) -> None:
        folder.card.write_bytes(damaged)
        with pytest.raises(RunError, match=r"run\.json is damaged"):
            RunFolder.open(folder.path)


class TestWeights:
    def test_last_is_read_where_there_is_no_best(self, folder: RunFolder) -> None:
        folder.save_weights("last", {"weight": torch.tensor([2.0])}, step=9)
        assert folder.read_weights("best")["weight"].item() == 2.0
        folder.save_weights("best", {"weight": torch.tensor([1.0])}, step=5)
        assert folder.read_weights("best")["weight"].item() == 1.0
        assert folder.read_weights("last")["weight"].item() == 2.0

    def test_equal_weights_are_equal_files(self, folder: RunFolder) -> None:
        contents = set()
        for _ in range(8):
            folder.save_weights("last", {"weight": torch.ones(3), "bias": torch.ones(1)}, step=9)
            contents.add(folder.weights_file("last").read_bytes())
        assert len(contents) == 1

    def test_a_run_without_weights(self, folder: RunFolder) -> None:
        with pytest.raises(RunError, match=r"last\.safetensors is missing"):
            folder.read_weights()

    def test_a_checkpoint_round_trips(self, folder: RunFolder) -> None:
        contents = {"state": ((torch.ones(1, 2), None),), "progress": {"step": 3, "best": None}}
        folder.save_checkpoint(contents)
        read = folder.read_checkpoint()
        assert read["progress"] == contents["progress"]
        torch.testing.assert_close(read["state"], contents["state"], rtol=0, atol=0)

    @pytest.mark.parametrize(
        ("code", "advice"), [(errno.ENOSPC, "Make room."), (errno.EROFS, "is read-only")]
    )
    def test_the_advice_fits_the_error(
        self, folder: RunFolder, code: int, advice: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(code, "no")

        monkeypatch.setattr("os.fsync", refuse)
        with pytest.raises(FileError, match=r"checkpoint\.pt could not be written") as caught:
            folder.save_checkpoint({"step": 1})
        assert advice in str(caught.value.hint)
        assert str(caught.value.hint).endswith(" Then go on with --resume.")

    def test_a_full_disk_keeps_the_run_that_is_to_be_replaced(
        self, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder.save_checkpoint({"step": 1})
        before = {path.name: path.read_bytes() for path in folder.path.iterdir()}

        def refuse(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("os.fsync", refuse)
        with pytest.raises(FileError, match="could not be written: No space left") as caught:
            create(folder.path, b"seed = 2\n", overwrite=True)
        assert caught.value.hint == "Make room."  # there is no new run to go on with
        assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


class TestLog:
    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_full_disk(self, folder: RunFolder) -> None:
        folder.log.symlink_to("/dev/full")
        with pytest.raises(FileError, match=r"log\.jsonl could not be written: No space") as caught:
            folder.write_log(report("step", 20))
        assert caught.value.hint == "Make room. Then go on with --resume."

    def test_a_step_without_a_line_looks_at_no_file(
        self, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checks: list[int] = []
        monkeypatch.setattr(folder, "check_owner", lambda: checks.append(1))
        for step in range(1, 42):
            folder.write_log(report("step", step))
        assert len(checks) == 2

    def test_validations_ends_and_every_twentieth_step_are_logged(self, folder: RunFolder) -> None:
        for step in range(1, 42):
            folder.write_log(report("step", step))
        folder.write_log(report("validation", 41, best=True))
        folder.write_log(report("checkpoint", 41))
        folder.write_log(report("end", 41, reason="as planned"))
        lines = [(line["kind"], line["step"]) for line in folder.read_log().reports]
        assert lines == [("step", 20), ("step", 40), ("validation", 41), ("end", 41)]
        assert folder.read_log().reports[2]["best"] is True
        assert folder.read_log().reports[3]["reason"] == "as planned"

    def test_truncation_deletes_later_lines_and_every_end(self, folder: RunFolder) -> None:
        for step in (20, 40, 60):
            folder.write_log(report("step", step))
            folder.write_log(report("end", step, reason="stopped"))
        folder.truncate_log(40)
        lines = [(line["kind"], line["step"]) for line in folder.read_log().reports]
        assert lines == [("step", 20), ("step", 40)]

    def test_an_incomplete_line_is_ignored(self, folder: RunFolder) -> None:
        folder.write_log(report("step", 20))
        with folder.log.open("a") as file:
            file.write('{"kind": "step", "step": 4')
        assert [line["step"] for line in folder.read_log().reports] == [20]
        folder.truncate_log(60)
        folder.write_log(report("step", 40))
        assert [line["step"] for line in folder.read_log().reports] == [20, 40]

    def test_a_run_without_a_log_has_an_empty_log(self, folder: RunFolder) -> None:
        assert folder.read_log() == ([], [], 0)
