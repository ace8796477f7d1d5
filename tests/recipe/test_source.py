"""The source of a recipe: replaced whole, and with the pair that files state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqlstm.config import Recipe, read_table
from seqlstm.errors import RecipeError
from seqlstm.recipe.evaluate import evaluate
from seqlstm.recipe.read import read_recipe, read_run_recipe
from seqlstm.recipe.splits import read_split
from seqlstm.recipe.train import resume, start
from seqlstm.run.folder import RunFolder
from tests.runs import TRANSLATOR, invoke, pairs_of, refusal, write_lines, write_recipe, write_table

SHARED = Path(__file__).parents[2] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no shared/data beside the checkout")
EN_DE, DE_EN = ("en", "de"), ("de", "en")


class TestAReplacedSource:
    """`data.source=FOLDER` over a recipe of a data set of the Hub."""

    @pytest.mark.parametrize(
        ("recipe", "dropped"),
        [
            ("tiny-shakespeare", 'data.revision = "refs/convert/parquet"'),
            ("wikitext-2", 'data.name = "wikitext-2-v1"'),
            ("multi30k-en-de", None),
        ],
    )
    def test_it_loses_what_belongs_to_the_one_before(
        self, recipe: str, dropped: str | None
    ) -> None:
        before = read_recipe(recipe)
        assert before.notes == ()
        found = read_recipe(recipe, ["data.source=my-folder"])
        assert (found.data.name, found.data.revision) == (None, None)
        assert found.data.columns == before.data.columns
        assert found.data.splits == before.data.splits
        if dropped is None:
            assert found.notes == ()
        else:
            (note,) = found.notes
            assert note == f"data.source replaces {before.data.source}: without its {dropped}"

    def test_what_is_overridden_too_stays(self) -> None:
        overrides = ["data.source=a/b", "data.revision=refs/convert/parquet"]
        found = read_recipe("tiny-shakespeare", overrides)
        assert found.data.revision == "refs/convert/parquet"
        assert found.notes == ()
        assert read_recipe("tiny-shakespeare", overrides[::-1]) == found

    def test_the_same_source_keeps_its_settings(self) -> None:
        found = read_recipe("tiny-shakespeare", ["data.source=karpathy/tiny_shakespeare"])
        assert found == read_recipe("tiny-shakespeare")

    def test_options_of_a_generated_source(self) -> None:
        found = read_recipe("recall", ["data.source=counting"])
        assert found.data.options is None
        found = read_recipe("recall", ["data.source=long-lag", "data.options.lag=20"])
        assert found.data.options == {"lag": 20}

    def test_a_sweep_drops_them_too(self, tmp_path: Path) -> None:
        from seqlstm.sweep.plan import read_plan

        write_lines(tmp_path / "a.txt", ["x"])
        file = write_lines(
            tmp_path / "sweep.toml",
            [
                'recipe = "tiny-shakespeare"',
                "seeds = [1]",
                'score = "bits_per_byte"',
                "[vary]",
                f'"data.source" = ["{tmp_path / "a.txt"}", "karpathy/tiny_shakespeare"]',
            ],
        )
        plan = read_plan(str(file), [], tmp_path / "runs")
        revisions = [one.recipe.data.revision for one in plan.combinations]
        assert revisions == [None, "refs/convert/parquet"]

    @needs_shared
    @pytest.mark.parametrize("recipe", ["tiny-shakespeare", "multi30k-en-de", "wikitext-2"])
    def test_the_folders_of_these_sets_are_read(self, recipe: str) -> None:
        folder = SHARED / recipe.removesuffix("-en-de")
        found = read_recipe(recipe, [f"data.source={folder}"])
        assert len(read_split(found.data, "validation")) > 100
        assert len(read_split(found.data, "test")) > 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Parallel files `train.en` and so on, and a recipe that names no pair."""
    write_recipe(tmp_path, TRANSLATOR.replace('pair = ["en", "de"]\n', ""))
    return tmp_path


def read_in(folder: Path, *overrides: object) -> Recipe:
    return read_recipe(str(folder / "recipe.toml"), [*map(str, overrides)])


def source(**files: list[Path]) -> str:
    listed = (f"{split} = {json.dumps([*map(str, paths)])}" for split, paths in files.items())
    return f"data.source={{ {', '.join(listed)} }}"


class TestAPairThatIsNotNamed:
    def test_it_is_that_of_two_files_in_the_order_given(self, folder: Path) -> None:
        assert read_in(folder).data.pair == EN_DE
        english, german = folder / "train.en", folder / "train.de"
        assert read_in(folder, source(train=[german, english])).data.pair == DE_EN
        (note,) = read_in(folder).notes
        assert note.startswith('pair = ["en", "de"], from the names of ')

    def test_names_that_are_no_languages(self, folder: Path) -> None:
        left = write_lines(folder / "left.txt", ["a"])
        right = write_lines(folder / "right.txt", ["b"])
        found = read_in(folder, source(train=[right, left]))
        assert found.data.pair == ("right", "left")
        assert read_split(found.data, "train").rows == [("b", "a")]

    def test_source_and_target_are_known_in_any_order(self, folder: Path, tmp_path: Path) -> None:
        for name in ("src", "tgt"):
            (folder / "set").mkdir(exist_ok=True)
            write_lines(folder / "set" / f"train.{name}", [name])
        files = [folder / "set" / "train.tgt", folder / "set" / "train.src"]
        for override in (source(train=files), f"data.source={folder / 'set'}"):
            found = read_in(folder, override)
            assert found.data.pair == ("src", "tgt")
            assert read_split(found.data, "train").rows == [("src", "tgt")]

    def test_the_direction_of_a_folder_is_asked_for(self, folder: Path) -> None:
        with pytest.raises(RecipeError) as caught:
            read_in(folder, f"data.source={folder}", "training.steps=-1")
        text = str(caught.value)
        assert "2 mistakes" in text
        assert "has files of de and en, and which one is the source is not stated" in text
        assert 'pair = ["de", "en"]' in text
        assert 'pair = ["en", "de"]' in text

    @pytest.mark.parametrize("columns", [EN_DE, DE_EN, ("translation.en", "translation.de")])
    def test_two_columns_in_their_order(self, folder: Path, columns: tuple[str, str]) -> None:
        file = write_table(folder / "rows.jsonl", columns, [("a b", "c d")])
        for override in (f"data.source={file}", source(train=[file])):
            assert read_in(folder, override).data.pair == columns

    def test_two_languages_among_other_columns(self, folder: Path) -> None:
        file = write_lines(folder / "rows.csv", ["id,de,en,licence", "1,ja,yes,free"])
        assert read_in(folder, f"data.source={file}").data.pair == DE_EN
        file = write_lines(folder / "rows.tsv", ["target\tsource\tnote", "a b\tc d\te f"])
        assert read_in(folder, f"data.source={file}").data.pair == ("source", "target")

    def test_several_columns_are_listed(self, folder: Path) -> None:
        file = write_lines(folder / "rows.csv", ["en,de,fr", "yes,ja,oui"])
        with pytest.raises(RecipeError, match="has the columns en, de, fr, and which one"):
            read_in(folder, f"data.source={file}")

    def test_a_column_of_tmx_is_its_header_s_source(self, folder: Path) -> None:
        unit = "".join(f'<tuv xml:lang="{s}"><seg>{s}</seg></tuv>' for s in ("de", "en-US"))
        text = f'<tmx><header srclang="en-US"/><body><tu>{unit}</tu></body></tmx>'
        file = write_lines(folder / "memory.tmx", [text])
        found = read_in(folder, f"data.source={file}")
        assert found.data.pair == ("en-US", "de")
        assert read_split(found.data, "train").rows == [("en-US", "de")]
        write_lines(file, [text.replace('srclang="en-US"', 'srclang="*all*"')])
        with pytest.raises(RecipeError, match="languages de, en-US, and which one is the source"):
            read_in(folder, f"data.source={file}")

    def test_other_sources_need_it(self, folder: Path) -> None:
        for override in ("data.source=someone/something", "data.source=dates"):
            with pytest.raises(RecipeError, match=r"data\.pair: missing: a translation"):
                read_in(folder, override)

    def test_a_missing_file_and_a_single_text(self, folder: Path) -> None:
        with pytest.raises(RecipeError, match="There is no file or folder"):
            read_in(folder, source(train=[folder / "gone.en", folder / "gone.de"]))
        with pytest.raises(RecipeError, match="two parallel files, or two columns"):
            read_in(folder, f"data.source={folder / 'train.en'}")

    @pytest.mark.parametrize("wrong", ["3", "{}", "{train = []}", "{train = [3]}", "[]"])
    def test_a_wrong_source_is_the_mistake(self, folder: Path, wrong: str) -> None:
        with pytest.raises(RecipeError, match=r"data\."):
            read_in(folder, f"data.source={wrong}")

    def test_the_run_keeps_it(self, folder: Path) -> None:
        few = ["training.steps=2", "training.save_every=1", "training.validate_every="]
        prepared = start(read_in(folder, *few), folder / "run")
        assert prepared.notes[0].startswith('pair = ["en", "de"], from the names of ')
        list(prepared.run())
        run = RunFolder.open(folder / "run")
        assert read_table(run.recipe)["data"]["pair"] == ["en", "de"]
        assert read_run_recipe(run).data.pair == EN_DE
        list(resume(read_in(folder, *few, "training.steps=3"), folder / "run").run())
        assert evaluate(folder / "run", beam_size=1).values["bleu"] >= 0

    def test_a_resumed_run_keeps_the_notes_on_its_data(self, folder: Path) -> None:
        """A sweep resumes a run with its own recipe, where nothing is left to be decided."""
        few = ["training.steps=2", "training.save_every=1", "training.validate_every="]
        list(start(read_in(folder, *few), folder / "run").run())
        run = RunFolder.open(folder / "run")
        card = run.read_card()
        notes = card.data.notes
        assert notes[0].startswith('pair = ["en", "de"], from the names of ')
        (precision,) = [note for note in notes if note.startswith("precision: ")]
        elsewhere = ["precision: bfloat16 on cuda (as asked)", "encoder 1: loop", "backend: loop"]
        others = [*notes[: notes.index(precision)], *elsewhere]
        data = card.data.model_copy(update={"notes": others})
        run.write_card(card.model_copy(update={"data": data}))
        recipe = read_run_recipe(run)
        later = recipe.training.model_copy(update={"steps": 3})
        list(resume(recipe.model_copy(update={"training": later}), folder / "run").run())
        assert RunFolder.open(folder / "run").read_card().data.notes == notes


def test_a_folder_trains_the_direction_that_pair_names(folder: Path) -> None:
    """Whatever the order of the files: they were read in alphabetical order, without a word."""
    for pair in (EN_DE, DE_EN):
        overrides = [f"data.source={folder}", f"data.pair={json.dumps(pair)}"]
        rows = read_split(read_in(folder, *overrides).data, "train").pairs
        assert rows == [row if pair == EN_DE else row[::-1] for row in pairs_of("train")]


def test_notes_are_printed_by_train_and_check(folder: Path) -> None:
    few = ["training.steps=1", "training.validate_every="]
    for command in (["check"], ["train", "--run", folder / "run"]):
        result = invoke(*command, folder / "recipe.toml", *few)
        assert result.exit_code == 0, result.output
        assert 'pair = ["en", "de"], from the names of' in result.output
    assert "not stated" in refusal("check", folder / "recipe.toml", f"data.source={folder}")
