"""`seqlstm compare`: scores of several runs, and paired bootstrap tests."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import sacrebleu

from tests.runs import answer, invoke, pairs_of, refusal, write_lines, write_table

FEW = ("--resamples", "20")
STANDING = ["score", "mean", "ci", "difference", "difference_ci", "p"]


def compared(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer("compare", *arguments, *FEW, "--json"))
    return found


def another(run: Path, folder: Path, *overrides: object) -> Path:
    """A run of the same recipe with overrides."""
    answer("train", run.parent / "recipe.toml", *overrides, "--run", folder)
    return folder


@pytest.fixture(scope="module")
def worse_translator(translator: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worse") / "run"  # the same folder name as the first
    return another(translator, folder, "training.steps=20", "decoding.beam_size=2")


@pytest.fixture(scope="module")
def worse_model(language_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worse") / "model"
    return another(language_model, folder, "training.steps=20", "tokenizer.vocab_size=290")


class TestTranslators:
    def test_scores_equal_those_of_evaluate(
        self, translator: Path, worse_translator: Path, tmp_path: Path
    ) -> None:
        found = compared(translator, worse_translator, "--output", tmp_path / "kept")
        assert found["rows"] == len(pairs_of("test"))
        runs = [str(translator), str(worse_translator)]
        assert list(found["runs"]) == runs
        references = [target for _, target in pairs_of("test")]
        for number, run in enumerate(runs, 1):
            scores = json.loads(answer("evaluate", run, "--json"))
            one = found["runs"][run]
            assert one["signature"] == scores["signatures"]["search"]
            assert list(one["bleu"]) == STANDING
            for name in ("bleu", "chrf", "ter"):
                assert one[name]["score"] == pytest.approx(scores[name])
            file = tmp_path / "kept" / f"{number}-run.txt"
            lines = file.read_text(encoding="utf-8").splitlines()
            bleu = sacrebleu.corpus_bleu(lines, [references]).score
            assert one["bleu"]["score"] == pytest.approx(bleu)
        first, second = (found["runs"][run]["bleu"] for run in runs)
        assert first["difference"] is first["p"] is None
        assert second["difference"] == pytest.approx(second["score"] - first["score"])
        assert second["difference"] < 0
        assert second["p"] < 0.1
        assert "bs:20|seed:12345|case:mixed" in found["signatures"]["bleu"]

    def test_each_run_has_its_own_beam_size_by_default(
        self, translator: Path, worse_translator: Path
    ) -> None:
        def beams(*options: object) -> list[str]:
            found = compared(translator, worse_translator, *options)
            return [one["signature"].split("|length")[0] for one in found["runs"].values()]

        assert beams() == ["beam:3", "beam:2"]
        assert beams("--beam-size", "1") == ["beam:1", "beam:1"]

    def test_the_table_has_the_numbers_of_json(
        self, translator: Path, worse_translator: Path
    ) -> None:
        found = compared(translator, worse_translator)
        result = invoke("compare", translator, worse_translator, *FEW)
        text = "".join(result.stdout.split())  # long paths are folded
        for one in found["runs"].values():
            for name in ("bleu", "chrf", "ter"):
                assert f"{one[name]['score']:.4f}" in text
            assert one["signature"] in result.stderr
        difference = found["runs"][str(worse_translator)]["ter"]["difference"]
        assert f"{difference:+.4f}" in text
        for name, signature in found["signatures"].items():
            assert f"{name} {signature}" in result.stderr

    def test_a_split_and_a_source(
        self, translator: Path, worse_translator: Path, tmp_path: Path
    ) -> None:
        options = ("--beam-size", "1", "--split")
        assert compared(translator, worse_translator, *options, "validation+test")["rows"] == 40
        rows = [*pairs_of("test")[:4], ("x", None)]
        file = write_table(tmp_path / "other.jsonl", ("en", "de"), rows)
        other = ("--source", file, *options, "train")
        assert compared(translator, worse_translator, *other)["rows"] == 4
        shown = invoke("compare", translator, worse_translator, *other, *FEW).stderr
        assert 'other.jsonl: 1 of 5 rows left out: no text in column "de" (row 5)\n' in shown
        at = translator.parent.as_posix()
        files = ("--source", f'{{test = ["{at}/validation.en", "{at}/validation.de"]}}')
        beam = ("--beam-size", "1")
        found = compared(translator, worse_translator, *files, *beam)
        assert found == compared(translator, worse_translator, *beam, "--split", "validation")

    def test_a_copy_has_no_difference(self, translator: Path, copied: Path) -> None:
        found = compared(translator, copied, "--beam-size", "1")["runs"][str(copied)]
        for name in ("bleu", "chrf", "ter"):
            assert found[name]["difference"] == 0
            assert found[name]["p"] is None

    def test_translation_directions(
        self, translator: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        few = ("training.steps=1", "training.validate_every=")
        back = another(translator, tmp_path / "back", 'data.pair=["de", "en"]', *few)
        error = refusal("compare", translator, back, *FEW)
        assert f"translates en to de, {back} de to en: they cannot compete" in error
        french = another(translator, tmp_path / "french", 'data.pair=["x.fr", "x.de"]', *few)
        result = invoke("compare", translator, french, "--beam-size", "1", *FEW)
        assert result.exit_code == 0
        assert f"{french} fr to de: both are given en" in result.stderr
        nested = another(translator, tmp_path / "nested", 'data.pair=["x.en", "x.de"]', *few)
        result = invoke("compare", translator, nested, "--beam-size", "1", *FEW)
        assert "warning" not in result.stderr

    def test_a_single_line(self, translator: Path, worse_translator: Path) -> None:
        error = refusal("compare", translator, worse_translator, "--split", "test[:1]")
        assert "a single line" in error


class TestLanguageModels:
    def test_scores_equal_those_of_evaluate(self, language_model: Path, worse_model: Path) -> None:
        found = compared(language_model, worse_model)
        assert found["rows"] == 20
        for run, one in found["runs"].items():
            scores = json.loads(answer("evaluate", run, "--json"))
            bits = one["bits_per_byte"]["score"]
            assert bits == pytest.approx(scores["bits_per_byte"], rel=1e-6)
            assert one["signature"] == scores["signature"]
        better, worse = (one["bits_per_byte"] for one in found["runs"].values())
        assert worse["difference"] == pytest.approx(worse["score"] - better["score"])
        assert worse["difference"] > worse["difference_ci"] > 0
        assert worse["p"] == pytest.approx(1 / 21)
        assert "over:20 lines|bs:20|seed:12345" in found["signatures"]["bits_per_byte"]

    def test_streams(self, language_model: Path, worse_model: Path) -> None:
        one = compared(language_model, worse_model)["runs"][str(worse_model)]
        two = compared(language_model, worse_model, "--streams", "2")["runs"][str(worse_model)]
        assert "streams:2" in two["signature"]
        assert two["bits_per_byte"]["score"] != one["bits_per_byte"]["score"]
        assert math.isfinite(two["bits_per_byte"]["score"])

    def test_another_text(self, language_model: Path, worse_model: Path, tmp_path: Path) -> None:
        file = write_lines(tmp_path / "mine.txt", ["The child sees the house."] * 3)
        found = compared(language_model, worse_model, "--source", file, "--split", "train")
        assert found["rows"] == 3

    def test_different_units(self, language_model: Path, tmp_path: Path) -> None:
        few = ("training.steps=1", "training.validate_every=")
        documents = another(language_model, tmp_path / "run", 'data.unit="document"', *few)
        error = refusal("compare", language_model, documents, *FEW)
        assert "score different text: one reads lines, the other documents" in error

    def test_a_tokenizer_that_changes_the_text(self, language_model: Path, tmp_path: Path) -> None:
        few = ("training.steps=1", "training.validate_every=")
        folded = 'tokenizer.normalization="nmt_nfkc_cf"'
        small = another(language_model, tmp_path / "small", folded, *few)
        error = refusal("compare", language_model, small, *FEW)
        (line, *_) = [line for line, _ in pairs_of("test")]
        place = next(place for place, letter in enumerate(line) if letter.isupper())
        assert "score different text: to their tokenizers row 1 is" in error
        assert f"{line[place : place + 30]!r} and {line[place : place + 30].lower()!r}" in error
        other = another(language_model, tmp_path / "other", folded, "seed=2", *few)
        assert compared(small, other)["rows"] == 20


class TestMistakes:
    def test_different_tasks(self, translator: Path, language_model: Path) -> None:
        error = refusal("compare", translator, language_model)
        assert "they cannot compete" in error
        assert f"{language_model} is a language model" in error

    def test_prompts_cannot_be_compared(self, tmp_path: Path) -> None:
        options = ("training.steps=1", "training.validate_every=", "model.hidden_size=8")
        for name in ("one", "two"):
            answer("train", "counting", *options, "--run", tmp_path / name)
        error = refusal("compare", tmp_path / "one", tmp_path / "two")
        assert "is a language model of prompts" in error

    def test_too_few_runs(self, translator: Path) -> None:
        assert "two runs or more" in refusal("compare", translator)
        assert "named twice" in refusal("compare", translator, translator.parent / "." / "run")
        assert "no run folder" in refusal("compare", translator, translator.parent)

    @pytest.mark.parametrize("option", ["--beam-size", "--length-penalty", "--batch"])
    def test_search_options_need_translators(
        self, language_model: Path, worse_model: Path, option: str
    ) -> None:
        error = refusal("compare", language_model, worse_model, option, "1")
        assert "cannot take effect, since" in error
        assert option[2:].replace("-", " ") in error

    def test_streams_need_language_models(self, translator: Path, worse_translator: Path) -> None:
        error = refusal("compare", translator, worse_translator, "--streams", "2")
        assert "is a translator" in error

    def test_an_output_that_cannot_be_made(
        self, translator: Path, worse_translator: Path, language_model: Path, worse_model: Path
    ) -> None:
        file = translator.parent / "recipe.toml"
        runs = (translator, worse_translator)
        assert "cannot be made" in refusal("compare", *runs, "--output", file)
        assert "cannot be made" in refusal("compare", *runs, "--output", file.parent / "x" / "y")
        output = file.parent / "texts"
        error = refusal("compare", language_model, worse_model, "--output", output)
        assert "output: cannot take effect, since" in error
        assert not output.exists()
