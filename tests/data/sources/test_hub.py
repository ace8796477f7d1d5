import shutil
import time
from pathlib import Path

import pytest

from seqlstm.data.sources.read import read
from seqlstm.errors import DataError
from tests.data.tables import FORMATS, PAIRS, write_table


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


class TestHub:
    @pytest.fixture(autouse=True)
    def _no_network(self, monkeypatch):
        import huggingface_hub

        def unreachable(*_, **__):
            raise OSError("Name or service not known")

        monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)

    def test_a_silent_hub_is_one_clear_error_without_retries(self, capfd, monkeypatch):
        def slept(_):
            raise AssertionError("slept")

        monkeypatch.setattr(time, "sleep", slept)
        with pytest.raises(DataError) as caught:
            read("someone/something", split="train")
        assert '"someone/something" and could not be reached (Name' in caught.value.message
        assert "data.source=FOLDER" in caught.value.hint
        assert "".join(capfd.readouterr()) == ""

    def test_settings_of_datasets_are_restored(self):
        import datasets

        before = datasets.config.HF_HUB_OFFLINE, datasets.logging.get_verbosity()
        with pytest.raises(DataError):
            read("someone/something", split="train")
        assert (datasets.config.HF_HUB_OFFLINE, datasets.logging.get_verbosity()) == before
        assert not datasets.are_progress_bars_disabled()

    def test_a_cached_set_needs_no_hub(self, tmp_path):
        import datasets

        table = datasets.Dataset.from_dict({"text": ["cached"]})
        place = tmp_path / "cache" / "someone___something" / "default" / "0.0.0" / "abc"
        place.mkdir(parents=True)
        with datasets.arrow_writer.ArrowWriter(
            path=str(place / "something-train.arrow"), features=table.features
        ) as writer:
            writer.write({"text": "cached"})
            writer.finalize()
        split = datasets.SplitInfo("train", num_examples=1, dataset_name="something")
        datasets.DatasetInfo(
            features=table.features,
            splits=datasets.SplitDict({"train": split}, dataset_name="something"),
            builder_name="parquet",
            dataset_name="something",
            config_name="default",
            version="0.0.0",
        ).write_to_directory(str(place))
        assert read("someone/something", split="train").rows == ["cached"]

    @pytest.mark.parametrize("kind", ["csv", "json", "text"])
    def test_a_cached_set_of_inferred_types_is_not_used(self, monkeypatch, kind):
        import datasets

        info = datasets.DatasetInfo(builder_name=kind)
        prepared = {"train": datasets.Dataset.from_dict({"text": ["7"]}, info=info)}
        monkeypatch.setattr("seqlstm.data.sources.hub._builder", lambda *_, **__: None)
        monkeypatch.setattr("seqlstm.data.sources.hub._prepare", lambda _: prepared)
        with pytest.raises(DataError, match="could not be reached"):
            read("someone/something", split="train")

    def test_an_unknown_data_set_is_an_error(self, monkeypatch):
        import huggingface_hub
        from huggingface_hub.errors import RepositoryNotFoundError

        def unknown(*_, **__):
            raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)

        monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unknown)
        with pytest.raises(DataError, match='has no data set "someone/something"'):
            read("someone/something", split="train")

    @pytest.mark.parametrize(
        ("raised", "hint"),
        [
            ("Dataset scripts are no longer supported, but found x.py", "refs/convert/parquet"),
            ("Config name is missing.", "data.name"),
            ("Dataset 'a/b' is a gated dataset on the Hub.", "hf auth login"),
        ],
    )
    def test_errors_of_datasets_have_a_hint(self, monkeypatch, raised, hint):
        import datasets

        def refuse(*_, **__):
            raise RuntimeError(raised)

        monkeypatch.setattr(datasets, "load_dataset_builder", refuse)
        with pytest.raises(DataError) as caught:
            read("someone/something", split="train")
        assert raised in caught.value.message
        assert hint in caught.value.hint

    def test_a_mistyped_built_in_name_is_not_requested_from_the_hub(self):
        with pytest.raises(DataError, match="python-doc") as caught:
            read("python-doc", split="train")
        assert caught.value.hint == 'did you mean "python-docs"?'


class TestDownloads:
    """A Hub that is a folder, and a cache to which its files are copied."""

    @pytest.fixture
    def remote(self, monkeypatch, tmp_path):
        import datasets
        import huggingface_hub

        remote, cache = tmp_path / "remote", tmp_path / "downloads"
        remote.mkdir()
        cache.mkdir()
        load = datasets.load_dataset_builder

        def load_remote(path, *, name=None, revision=None):
            return load(str(remote) if path == "someone/something" else path, name=name)

        def download(_, files):
            return {
                split: [shutil.copy(path, cache / Path(path).name) for path in paths]
                for split, paths in files.items()
            }

        monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_, **__: None)
        monkeypatch.setattr(datasets, "load_dataset_builder", load_remote)
        monkeypatch.setattr(datasets.DownloadManager, "download", download)
        return remote

    @pytest.fixture
    def disconnect(self, monkeypatch, remote):
        import datasets.load
        import huggingface_hub

        def unreachable(*_, **__):
            raise OSError("Name or service not known")

        def disconnect():
            shutil.rmtree(remote)
            monkeypatch.setattr(
                datasets, "load_dataset_builder", datasets.load.load_dataset_builder
            )
            monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)

        return disconnect

    @pytest.mark.parametrize("suffix", [suffix for suffix in FORMATS if suffix != "parquet"])
    def test_its_files_are_read_as_local_ones_and_again_without_the_hub(
        self, remote, disconnect, suffix
    ):
        rows = [*PAIRS, ("007", "2024-05-01"), ("1e5", "True"), ("NA", "")]
        write_table(remote, f"train.{suffix}", rows)
        local = read(remote, split="train", pair=["en", "de"])
        assert (
            read("someone/something", split="train", pair=["en", "de"]).rows == local.rows == rows
        )
        disconnect()
        assert read("someone/something", split="train", pair=["en", "de"]).rows == rows
        with pytest.raises(DataError, match="could not be reached"):
            read("someone/something", split="train", pair=["en", "de"], revision="other")

    def test_parquet_is_prepared_by_datasets(self, remote):
        import pyarrow as pa
        import pyarrow.parquet as parquet

        parquet.write_table(pa.table({"text": ["007", None], "n": [1, 2]}), remote / "t.parquet")
        corpus = read(remote, split="train")
        hub = read("someone/something", split="train")
        assert hub.rows == corpus.rows == ["007"]
        assert [note.split(": ", 1)[1] for note in (*hub.notes, *corpus.notes)] == [
            '1 of 2 rows left out: no text in column "text" (row 2)'
        ] * 2
        with pytest.raises(DataError, match=r'something \(train\): column "n" has the type int64'):
            read("someone/something", split="train", text="n")

    def test_plain_text(self, remote, disconnect):
        (remote / "train.txt").write_text("a\n\x85b\n")
        assert read("someone/something", split="train").rows == ["a", "\x85b"]
        disconnect()
        assert read("someone/something", split="train").rows == ["a", "\x85b"]

    def test_a_record_is_not_used_when_a_file_is_gone(self, remote, disconnect, tmp_path):
        write_table(remote, "train.csv")
        read("someone/something", split="train", text="en")
        disconnect()
        (tmp_path / "downloads" / "train.csv").unlink()
        with pytest.raises(DataError, match="could not be reached"):
            read("someone/something", split="train", text="en")

    def test_settings_of_its_configuration(self, remote):
        (remote / "rows.csv").write_text('en;de\na,b;"c;d"\n')
        (remote / "rows.json").write_text('{"data": [{"en": "x", "de": "y"}]}')
        configurations = (
            "---\nconfigs:\n"
            '- {config_name: semicolons, data_files: rows.csv, sep: ";"}\n'
            '- {config_name: quotes, data_files: rows.csv, quotechar: "\'"}\n'
        )
        (remote / "README.md").write_text(f"{configurations}---\n")
        for source in ("someone/something", remote):
            rows = read(source, split="train", name="semicolons", pair=["en", "de"]).rows
            assert rows == [("a,b", "c;d")]
            with pytest.raises(DataError, match=r"cannot take effect here: quotechar") as caught:
                read(source, split="train", name="quotes", pair=["en", "de"])
            assert "refs/convert/parquet" in caught.value.hint
        (remote / "README.md").write_text(
            "---\nconfigs:\n- {config_name: inner, data_files: rows.json, field: data}\n---\n"
        )
        assert read(remote, split="train", name="inner", pair=["en", "de"]).rows == [("x", "y")]

    def test_an_archive_is_unpacked(self, remote):
        file = write_table(remote, "train.csv")
        shutil.make_archive(str(remote / "train"), "zip", remote, file.name)
        file.unlink()
        assert read("someone/something", split="train", pair=["en", "de"]).rows == PAIRS
