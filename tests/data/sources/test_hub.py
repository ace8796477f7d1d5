import time

import pytest

from seqlstm.data.sources.read import read
from seqlstm.errors import DataError


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
