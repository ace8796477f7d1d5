"""`seqlstm evaluate`: scores, signatures, several sources."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import sacrebleu

from seqlstm.inference.translator import LoadedTranslator
from tests.runs import answer, invoke, pairs_of, refusal, write_lines, write_table

TRANSLATION = [
    *("bleu", "chrf", "ter", "exact_match", "sentences", "seconds", "sentences_per_second"),
    "signatures",
]
LANGUAGE = [
    *("nats_per_token", "perplexity_per_token", "perplexity_per_word", "bits_per_byte"),
    *("bits_per_character", "tokens", "words", "bytes", "characters", "signature"),
]


def scores(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer("evaluate", *arguments, "--json"))
    return found


class TestTranslator:
    def test_json_and_table_have_the_same_scores(self, translator: Path) -> None:
        found = scores(translator)
        assert list(found) == TRANSLATION
        assert list(found["signatures"]) == ["bleu", "chrf", "ter", "search"]
        assert found["sentences"] == len(pairs_of("test"))
        assert found["sentences_per_second"] == pytest.approx(20 / found["seconds"])
        result = invoke("evaluate", translator)
        shown = dict(line.rsplit(maxsplit=1) for line in result.stdout.splitlines() if line.strip())
        assert shown["exact match"] == f"{found['exact_match']:.4f}"
        assert shown["bleu"] == f"{found['bleu']:.4f}"
        assert shown["sentences"] == "20"
        for name, signature in found["signatures"].items():
            assert f"{name} {signature}" in result.stderr

    def test_output_has_the_scored_translations(self, translator: Path, tmp_path: Path) -> None:
        output = tmp_path / "translations.txt"
        found = scores(translator, "--output", output, "--beam-size", "2", "--length-penalty", "0")
        lines = output.read_text(encoding="utf-8").splitlines()
        references = [target for _, target in pairs_of("test")]
        assert found["bleu"] == sacrebleu.corpus_bleu(lines, [references]).score
        file = translator.parent / "test.en"
        options = ("--beam-size", "2", "--length-penalty", "0")
        assert answer("translate", translator, file, *options).splitlines() == lines

    def test_an_ensemble(self, translator: Path, another: Path, tmp_path: Path) -> None:
        output = tmp_path / "translations.txt"
        found = scores(translator, "--with", another, "--output", output)
        lines = output.read_text(encoding="utf-8").splitlines()
        file = translator.parent / "test.en"
        assert answer("translate", translator, file, "--with", another).splitlines() == lines
        assert answer("translate", translator, file).splitlines() != lines
        assert "|models:2|" in found["signatures"]["search"]

    def test_splits_add_up(self, translator: Path) -> None:
        assert (
            scores(translator, "--split", "validation+test", "--beam-size", "1")["sentences"] == 40
        )
        assert scores(translator, "--split", "test[:5]", "--beam-size", "1")["sentences"] == 5

    def test_another_source_has_the_same_columns(self, translator: Path, tmp_path: Path) -> None:
        rows: list[tuple[str, ...]] = list(pairs_of("test")[:4])
        file = write_table(tmp_path / "other.jsonl", ("en", "de"), rows)
        found = scores(translator, "--source", file, "--split", "train")
        assert found["sentences"] == 4
        error = refusal("evaluate", translator, "--source", file)
        assert 'no split "test"' in error

    def test_rows_without_text_are_noted(self, translator: Path, tmp_path: Path) -> None:
        rows = [*pairs_of("test")[:4], ("x", None)]
        file = write_table(tmp_path / "other.jsonl", ("en", "de"), rows)
        result = invoke("evaluate", translator, "--source", file, "--split", "train")
        note = 'other.jsonl: 1 of 5 rows left out: no text in column "de" (row 5)\n'
        assert result.stderr.count(note) == 1
        assert scores(translator, "--source", file, "--split", "train")["sentences"] == 4

    def test_lower_cased_scores(self, translator: Path, tmp_path: Path) -> None:
        rows: list[tuple[str, ...]] = [(en.upper(), de.upper()) for en, de in pairs_of("test")]
        file = write_table(tmp_path / "loud.jsonl", ("en", "de"), rows)
        options = ("--source", file, "--split", "train", "--beam-size", "1")
        output = tmp_path / "out.txt"
        found = scores(translator, *options, "--lowercase", "--output", output)
        lower = [("bleu_lowercase", "case:lc"), ("chrf_lowercase", "case:lc")]
        assert list(found)[3:5] == [name for name, _ in lower] == list(found["signatures"])[3:5]
        assert all(case in found["signatures"][name] for name, case in lower)
        lines = output.read_text(encoding="utf-8").lower().splitlines()
        references = [german.lower() for _, german in rows]
        assert found["bleu_lowercase"] == sacrebleu.corpus_bleu(lines, [references]).score
        plain = scores(translator, *options)
        assert {key: found[key] for key in ("bleu", "chrf", "ter")} == {
            key: plain[key] for key in ("bleu", "chrf", "ter")
        }
        assert found["chrf_lowercase"] > plain["chrf"]
        assert "bleu lowercase" in invoke("evaluate", translator, *options, "--lowercase").stdout

    def test_a_missing_split(self, translator: Path) -> None:
        error = refusal("evaluate", translator, "--split", "tests")
        assert 'no split "tests". Its splits: train, validation, test' in error


class TestLanguageModel:
    def test_json_has_consistent_scores(self, language_model: Path) -> None:
        found = scores(language_model)
        assert list(found) == LANGUAGE
        text = (language_model.parent / "test.en").read_text(encoding="utf-8")
        assert found["bytes"] == len(text.encode())
        assert found["characters"] == len(text)
        assert found["words"] == len(text.split()) + text.count("\n")
        nats = found["nats_per_token"] * found["tokens"]
        assert found["perplexity_per_token"] == pytest.approx(math.exp(found["nats_per_token"]))
        assert found["perplexity_per_word"] == pytest.approx(math.exp(nats / found["words"]))
        assert found["bits_per_byte"] == pytest.approx(nats / math.log(2) / found["bytes"])
        assert found["bits_per_character"] == pytest.approx(nats / math.log(2) / len(text))
        assert "tokenizer:unigram-" in found["signature"]
        assert found["signature"] in invoke("evaluate", language_model).stderr

    def test_splits_add_up(self, language_model: Path) -> None:
        parts = [scores(language_model, "--split", split) for split in ("validation", "test")]
        both = scores(language_model, "--split", "validation+test")
        for count in ("tokens", "words", "bytes", "characters"):
            assert both[count] == parts[0][count] + parts[1][count]

    def test_another_file(self, language_model: Path, tmp_path: Path) -> None:
        file = write_lines(tmp_path / "mine.txt", ["The child sees the house today."])
        assert scores(language_model, "--source", file, "--split", "train")["words"] == 7

    @pytest.mark.parametrize(
        "option", [["--beam-size", "3"], ["--length-penalty", "1"], ["--batch", "8"]]
    )
    def test_search_options_need_a_translator(
        self, language_model: Path, option: list[str]
    ) -> None:
        assert "cannot take effect, since" in refusal("evaluate", language_model, *option)

    def test_output_needs_a_translator(self, language_model: Path, tmp_path: Path) -> None:
        error = refusal("evaluate", language_model, "--output", tmp_path / "x")
        assert "cannot take effect, since" in error
        assert not (tmp_path / "x").exists()

    def test_lowercase_needs_a_translator(self, language_model: Path) -> None:
        assert "cannot take effect, since" in refusal("evaluate", language_model, "--lowercase")

    def test_an_ensemble_needs_translators(self, language_model: Path, translator: Path) -> None:
        error = refusal("evaluate", language_model, "--with", language_model)
        assert "with: cannot take effect, since" in error
        error = refusal("evaluate", translator, "--with", language_model)
        assert f"{language_model} is a language model" in error


class TestSeveralSets:
    @pytest.fixture
    def files(self, tmp_path: Path) -> list[Path]:
        """Two sets of pairs."""
        pairs: list[tuple[str, ...]] = list(pairs_of("test"))
        parts = {"a": pairs[:12], "b": pairs[12:]}
        return [
            write_table(tmp_path / f"{name}.jsonl", ("en", "de"), rows)
            for name, rows in parts.items()
        ]

    def test_each_source_has_the_scores_that_it_has_alone(
        self, translator: Path, files: list[Path]
    ) -> None:
        options = ("--split", "train", "--beam-size", "2")
        both = scores(translator, "--source", files[0], "--source", files[1], *options)
        assert list(both) == ["sets", "signatures"]
        assert list(both["sets"]) == [str(file) for file in files]
        for file in files:
            alone = scores(translator, "--source", file, *options)
            assert alone.pop("signatures") == both["signatures"]
            assert list(both["sets"][str(file)]) == list(alone)
            for name in ("bleu", "chrf", "ter", "exact_match", "sentences"):
                assert both["sets"][str(file)][name] == alone[name]

    def test_the_table_has_a_column_for_each_source_and_signatures_once(
        self, translator: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(files[0].parent)
        options = ("--source", "a.jsonl", "--source", "b.jsonl", "--split", "train")
        result = invoke("evaluate", translator, *options)
        lines = [line.split() for line in result.stdout.splitlines()]
        assert lines[0] == ["score", "a.jsonl", "b.jsonl"]
        bleu = [f"{one['bleu']:.4f}" for one in scores(translator, *options)["sets"].values()]
        assert lines[1] == ["bleu", *bleu]
        assert result.stderr.count("case:mixed|eff:no") == 1

    def test_files_by_split(self, translator: Path) -> None:
        """As in a recipe: two parallel text files."""
        at = translator.parent.as_posix()
        named = [
            f'{{test = ["{at}/{split}.en", "{at}/{split}.de"]}}' for split in ("validation", "test")
        ]
        options = ("--beam-size", "1")
        both = scores(translator, "--source", named[0], "--source", named[1], *options)["sets"]
        for one, split in zip(both.values(), ("validation", "test"), strict=True):
            assert one["bleu"] == scores(translator, "--split", split, *options)["bleu"]

    @pytest.mark.parametrize("wrong", ["{}", "{test = 3}", "{test = [3]}", "{test"])
    def test_a_table_without_files(self, translator: Path, wrong: str) -> None:
        assert f"{wrong} names no files by split" in refusal(
            "evaluate", translator, "--source", wrong
        )

    def test_texts(self, language_model: Path, tmp_path: Path) -> None:
        files = [
            write_lines(tmp_path / f"{count}.txt", ["The child sees the house."] * count)
            for count in (1, 40)
        ]
        named = [part for file in files for part in ("--source", file)]
        both = scores(language_model, *named, "--split", "train")
        assert list(both) == ["sets", "signature"]
        assert [one["words"] for one in both["sets"].values()] == [6, 240]
        wide = scores(language_model, *named, "--split", "train", "--streams", "50")
        assert list(wide) == ["sets"]
        small, large = (one["signature"].split("|")[4] for one in wide["sets"].values())
        tokens = both["sets"][str(files[0])]["tokens"]
        assert tokens < 50
        assert (small, large) == (f"streams:{tokens}", "streams:50")

    def test_all_sources_are_read_before_the_first_is_scored(
        self, translator: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise AssertionError

        monkeypatch.setattr(LoadedTranslator, "translate", fail)
        named = ("--source", files[0], "--source", files[0].parent / "none.jsonl")
        assert "no file" in refusal("evaluate", translator, *named, "--split", "train")

    def test_repeated_sources_and_one_output_for_two(
        self, translator: Path, files: list[Path], tmp_path: Path
    ) -> None:
        named = ("--source", files[0], "--source", files[0])
        assert "more than once" in refusal("evaluate", translator, *named)
        named = ("--source", files[0], "--source", files[1])
        error = refusal("evaluate", translator, *named, "--output", tmp_path / "x.txt")
        assert "translations of one source, not 2" in error
        assert not (tmp_path / "x.txt").exists()
