"""Tokens of BLEU by script, and several references: from training to `evaluate` and `compare`."""

from __future__ import annotations

import json
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.tokenizers import tokenizer_ja_mecab

from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.splits import read_split
from seqlstm.runtime.signals import StopRequest
from seqlstm.sweep.job import run_job
from seqlstm.sweep.plan import Job
from tests.runs import (
    LANGUAGE_MODEL,
    TRANSLATOR,
    answer,
    invoke,
    pairs_of,
    refusal,
    write_lines,
    write_recipe,
    write_table,
)

SUBJECTS = {"The child": "孩子", "A woman": "一个女人", "My neighbour": "我的邻居"}
VERBS = {"sees": "看见", "buys": "买了", "finds": "找到", "paints": "画了"}
OBJECTS = {"a red boat": "红色的船", "the house": "那座房子", "two apples": "两个苹果"}
ADVERBS = {"today": "今天", "at night": "晚上"}
COLUMNS = ("en", "zh", "zh2", "zh3")
RECIPE = TRANSLATOR.replace(
    TRANSLATOR[TRANSLATOR.index("source = ") : TRANSLATOR.index("batching")],
    'source = {{ train = "{at}/train.jsonl", validation = "{at}/validation.jsonl", '
    'test = "{at}/test.jsonl" }}\npair = ["en", "zh"]\n',
).replace("validate_every = 20", 'metric = "bleu"\nvalidate_every = 20')
REFERENCES = '\n[evaluation]\nreferences = ["zh2", "zh3"]\n'


def rows_of(split: str) -> list[tuple[str, ...]]:
    """English and three Chinese versions, of which the last is missing in every second row."""
    every = product(SUBJECTS, VERBS, OBJECTS, ADVERBS)
    rows = [
        (
            f"{subject} {verb} {object} {adverb}.",
            f"{SUBJECTS[subject]}{ADVERBS[adverb]}{VERBS[verb]}{OBJECTS[object]}。",
            f"{ADVERBS[adverb]},{SUBJECTS[subject]}{VERBS[verb]}{OBJECTS[object]}。",
            f"{SUBJECTS[subject]}{VERBS[verb]}{OBJECTS[object]}。" * (index // 6 % 2),
        )
        for index, (subject, verb, object, adverb) in enumerate(every)
    ]
    remainders = {"validation": {5}, "test": {0}}.get(split, {1, 2, 3, 4})
    return [row for index, row in enumerate(rows) if index % 6 in remainders]


def column(split: str, name: str) -> list[str]:
    return [row[COLUMNS.index(name)] for row in rows_of(split)]


def prepare(folder: Path, recipe: str) -> Path:
    for split in ("train", "validation", "test"):
        write_table(folder / f"{split}.jsonl", COLUMNS, rows_of(split))
    return write_recipe(folder, recipe)


def scores(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer("evaluate", *arguments, "--json"))
    return found


def sacrebleus(lines: list[str], references: list[list[str]], tokenize: str) -> dict[str, Any]:
    """The figures and signatures of sacreBLEU, for empty references that are none."""
    sets = [references[0], *([line or None for line in one] for one in references[1:])]
    metrics = {"bleu": BLEU(tokenize=tokenize), "chrf": CHRF(word_order=2), "ter": TER()}
    figures = {name: metric.corpus_score(lines, sets).score for name, metric in metrics.items()}
    return figures | {"signatures": {name: str(m.get_signature()) for name, m in metrics.items()}}


def assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name in ("bleu", "chrf", "ter"):
        assert found[name] == pytest.approx(expected[name])
        assert found["signatures"][name] == expected["signatures"][name]


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder; its recipe and texts are in the parent folder."""
    recipe = prepare(tmp_path_factory.mktemp("chinese"), RECIPE + REFERENCES)
    result = invoke("train", recipe, "--run", recipe.parent / "run")
    assert result.exit_code == 0, result.output
    note = "evaluation.tokenize: zh (most letters of the targets are Han)"
    assert result.stderr.count(note) == 1
    return recipe.parent / "run"


@pytest.fixture
def old(chinese: Path, tmp_path: Path) -> Path:
    """A copy of the run as it was written before there were tokens and references."""
    run = Path(shutil.copytree(chinese, tmp_path / "old"))
    recipe = (run / "recipe.toml").read_text(encoding="utf-8")
    (run / "recipe.toml").write_text(recipe.partition("[evaluation]")[0], encoding="utf-8")
    change_card(run, tokenize=None, **FORMAT_1)
    checkpoint = torch.load(run / "checkpoint.pt", weights_only=True)
    del checkpoint["run"]
    torch.save(checkpoint, run / "checkpoint.pt")
    return run


FORMAT_1: dict[str, Any] = {"format": 1, "run": None, "recipe": None}


def change_card(run: Path, /, **changes: Any) -> None:
    card = json.loads((run / "run.json").read_text(encoding="utf-8")) | changes
    kept = {key: value for key, value in card.items() if value is not None}
    (run / "run.json").write_text(json.dumps(kept), encoding="utf-8")


def test_check_shows_the_choice(chinese: Path) -> None:
    shown = answer("check", chinese.parent / "recipe.toml")
    assert "evaluation.tokenize: zh (most letters of the targets are Han)" in shown


def test_evaluate_counts_chinese_tokens_against_all_references(
    chinese: Path, tmp_path: Path
) -> None:
    found = scores(chinese, "--output", tmp_path / "out.txt", "--lowercase")
    lines = (tmp_path / "out.txt").read_text(encoding="utf-8").splitlines()
    references = [column("test", name) for name in COLUMNS[1:]]
    assert_equal(found, sacrebleus(lines, references, "zh"))
    assert found["signatures"]["bleu"].startswith("nrefs:var|case:mixed|eff:no|tok:zh|")
    assert found["signatures"]["bleu_lowercase"].startswith("nrefs:var|case:lc|eff:no|tok:zh|")
    matches = [line in texts for line, *texts in zip(lines, *references, strict=True)]
    assert found["exact_match"] == 100 * sum(matches) / len(lines)


def test_the_metric_of_training_is_the_score_of_evaluate(chinese: Path) -> None:
    log = [json.loads(line) for line in (chinese / "log.jsonl").read_text().splitlines()]
    bleu = [line["values"]["bleu"] for line in log if line["kind"] == "validation"][-1]
    options = ("--split", "validation", "--weights", "last", "--beam-size", "1")
    assert bleu > 0
    assert scores(chinese, *options)["bleu"] == pytest.approx(bleu)


def test_the_choice_is_kept_with_the_run(chinese: Path, tmp_path: Path) -> None:
    assert json.loads((chinese / "run.json").read_text())["tokenize"] == "zh"
    assert 'tokenize = "auto"' in (chinese / "recipe.toml").read_text()
    latin = [(en, en, en.upper(), en.lower()) for en, *_ in rows_of("test")]
    file = write_table(tmp_path / "latin.jsonl", COLUMNS, latin)
    assert "|tok:zh|" in scores(chinese, "--source", file, "--split", "train")["signatures"]["bleu"]


def test_options_replace_the_runs_settings(chinese: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    options = ("--output", output, "--overwrite", "--beam-size", "1")
    found = scores(chinese, *options, "--tokenize", "char", "--references", "none")
    lines = output.read_text(encoding="utf-8").splitlines()
    target, second = column("test", "zh"), column("test", "zh2")
    assert_equal(found, sacrebleus(lines, [target], "char"))
    assert "nrefs:1|case:mixed|eff:no|tok:char|" in found["signatures"]["bleu"]
    file = write_lines(tmp_path / "second.txt", second)
    third = write_lines(tmp_path / "third.txt", column("test", "zh3"))
    found = scores(chinese, *options, "--references", file)
    assert_equal(found, sacrebleus(lines, [target, second], "zh"))
    assert found["signatures"]["bleu"].startswith("nrefs:2|")
    both = scores(chinese, *options, "--references", file, "--references", third)
    plain = scores(chinese, *options)
    assert {**both, "seconds": 0, "sentences_per_second": 0} == {
        **plain,
        "seconds": 0,
        "sentences_per_second": 0,
    }


def test_files_of_references_are_read_as_all_text_is(chinese: Path, tmp_path: Path) -> None:
    lines = column("test", "zh2")
    file = write_lines(tmp_path / "a.txt", lines)
    other = tmp_path / "b.txt"
    other.write_bytes(b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode())
    first, second = (
        scores(chinese, "--references", path, "--beam-size", "1") for path in (file, other)
    )
    assert first["bleu"] == second["bleu"]


def test_an_old_run_counts_the_tokens_of_the_references(
    old: Path, chinese: Path, tmp_path: Path
) -> None:
    found = scores(old, "--beam-size", "1")
    assert "nrefs:1|case:mixed|eff:no|tok:zh|" in found["signatures"]["bleu"]
    warning = "warning: evaluation.tokenize: zh (most letters of the targets are Han)"
    assert warning in " ".join(invoke("evaluate", old, "--beam-size", "1").stderr.split())
    latin = [(en, en, en, en) for en, *_ in rows_of("test")]
    file = write_table(tmp_path / "latin.jsonl", COLUMNS, latin)
    options = ("--source", file, "--split", "train")
    assert "|tok:13a|" in scores(old, *options)["signatures"]["bleu"]
    assert "evaluation.tokenize" not in invoke("evaluate", old, *options).stderr


@pytest.mark.parametrize("record", ["", "words"])
def test_an_unknown_record_is_no_record(old: Path, record: str) -> None:
    change_card(old, tokenize=record)
    assert "|tok:zh|" in scores(old, "--beam-size", "1")["signatures"]["bleu"]


def test_a_resumed_run_keeps_its_choice(chinese: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(chinese, tmp_path / "run"))
    change_card(run, tokenize="char")
    answer("train", chinese.parent / "recipe.toml", "--run", run, "--resume", "training.steps=61")
    assert json.loads((run / "run.json").read_text())["tokenize"] == "char"
    assert 'tokenize = "auto"' in (run / "recipe.toml").read_text()
    assert "|tok:char|" in scores(run, "--beam-size", "1")["signatures"]["bleu"]


def test_a_resumed_run_keeps_the_reason(chinese: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(chinese, tmp_path / "run"))
    answer("train", chinese.parent / "recipe.toml", "--run", run, "--resume", "training.steps=61")
    assert "evaluation.tokenize: zh (most letters of the targets are Han)" in answer("info", run)


def test_other_references_are_other_data(chinese: Path, tmp_path: Path) -> None:
    """They change which weights are the best."""
    run = Path(shutil.copytree(chinese, tmp_path / "run"))
    recipe = prepare(tmp_path, RECIPE + REFERENCES)
    rows = [(*row[:3], f"{row[3]}!") for row in rows_of("validation")]
    write_table(tmp_path / "validation.jsonl", COLUMNS, rows)
    change_card(run, **FORMAT_1)
    text = (run / "recipe.toml").read_text()
    (run / "recipe.toml").write_text(text.replace(f"{chinese.parent}/", f"{tmp_path}/"))
    error = refusal("train", recipe, "--run", run, "--resume", "training.steps=61")
    assert "the data have changed" in error


def test_an_old_run_can_be_resumed(old: Path, chinese: Path) -> None:
    recipe = chinese.parent / "recipe.toml"
    card = json.loads((old / "run.json").read_text())
    card["data"]["fingerprints"]["validation"] = read_split(
        read_recipe(str(recipe)).data, "validation"
    ).fingerprint
    change_card(old, **card)
    arguments = ("evaluation.references=", "training.steps=61")
    answer("train", recipe, "--run", old, "--resume", *arguments)
    assert json.loads((old / "run.json").read_text())["tokenize"] == "zh"


def test_compare_uses_the_tokens_and_references_of_the_first(
    chinese: Path, old: Path, tmp_path: Path
) -> None:
    arguments = ("--resamples", "20", "--json", "--output", tmp_path / "kept")
    found = json.loads(answer("compare", chinese, old, *arguments))
    lines = (tmp_path / "kept" / "1-run.txt").read_text(encoding="utf-8").splitlines()
    references = [column("test", name) for name in COLUMNS[1:]]
    expected = sacrebleus(lines, references, "zh")
    for name in ("bleu", "chrf", "ter"):
        assert found["runs"][str(chinese)][name]["score"] == pytest.approx(expected[name])
    assert found["signatures"]["bleu"].startswith("nrefs:var|bs:20|")
    assert "|tok:zh|" in found["signatures"]["bleu"]
    file = write_lines(tmp_path / "second.txt", references[1])
    options = ("--references", file, "--tokenize", "13a", "--resamples", "20", "--json")
    found = json.loads(answer("compare", chinese, old, *options))
    assert found["signatures"]["bleu"].startswith("nrefs:2|bs:20|")
    assert "|tok:13a|" in found["signatures"]["bleu"]
    error = refusal("compare", chinese, old, "--tokenize", "words")
    assert 'no tokenization "words"' in error


def test_a_plain_latin_run_has_the_signatures_that_it_had(translator: Path) -> None:
    found = scores(translator)["signatures"]
    assert found["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert json.loads((translator / "run.json").read_text())["tokenize"] == "13a"


class TestMistakes:
    def test_columns_of_two_files(self, translator: Path, tmp_path: Path) -> None:
        """Two parallel files have no third column; the second was read twice for one."""
        recipe = translator.parent / "recipe.toml"
        override = 'evaluation.references=["de2"]'
        error = refusal("train", recipe, "--run", tmp_path / "run", override)
        assert "de2" in error
        assert not (tmp_path / "run").exists()

    def test_a_column_that_is_missing(self, chinese: Path, tmp_path: Path) -> None:
        override = 'evaluation.references=["zh4"]'
        recipe = chinese.parent / "recipe.toml"
        error = refusal("train", recipe, "--run", tmp_path / "run", override)
        assert 'no column "zh4"' in error
        file = write_table(
            tmp_path / "one.jsonl", COLUMNS[:2], [row[:2] for row in rows_of("test")]
        )
        source = ("--source", file, "--split", "train")
        assert 'no column "zh2"' in refusal("evaluate", chinese, *source)
        assert "nrefs:1|" in str(scores(chinese, *source, "--references", "none")["signatures"])

    @pytest.mark.parametrize("references", ['["zh"]', '["en"]', '["zh2", "zh2"]'])
    def test_a_column_that_is_no_further_one(
        self, chinese: Path, tmp_path: Path, references: str
    ) -> None:
        recipe, override = chinese.parent / "recipe.toml", f"evaluation.references={references}"
        error = refusal("train", recipe, "--run", tmp_path / "run", override)
        assert "evaluation.references: " in error
        assert "is a column of data.pair, or named twice" in error

    def test_files_that_do_not_belong(self, chinese: Path, tmp_path: Path) -> None:
        lines = column("test", "zh2")
        short = write_lines(tmp_path / "short.txt", lines[1:])
        error = refusal("evaluate", chinese, "--references", short)
        assert f"{short} has {len(lines) - 1} lines" in error
        assert f"(test) has {len(lines)} rows" in error
        empty = write_lines(tmp_path / "empty.txt", [""] * len(lines))
        assert "every line is empty" in refusal("evaluate", chinese, "--references", empty)
        same = write_lines(tmp_path / "same.txt", column("test", "zh"))
        assert "same lines as the target" in refusal("evaluate", chinese, "--references", same)
        assert "cannot be read" in refusal("evaluate", chinese, "--references", tmp_path / "no.txt")
        sources = ("--source", chinese.parent / "test.jsonl", "--source", "dates")
        error = refusal("evaluate", chinese, *sources, "--references", same)
        assert "--references belong to one source, not 2" in error

    def test_names_of_tokens(self, chinese: Path, tmp_path: Path) -> None:
        recipe = chinese.parent / "recipe.toml"
        error = refusal("train", recipe, "--run", tmp_path / "run", "evaluation.tokenize=zhh")
        assert "evaluation.tokenize: must be one of auto, none, zh" in error
        assert 'no tokenization "zhh"' in refusal("evaluate", chinese, "--tokenize", "zhh")

    def test_a_missing_library_is_found_before_training(
        self, chinese: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tokenizer_ja_mecab, "MeCab", None)
        recipe = chinese.parent / "recipe.toml"
        error = refusal("train", recipe, "--run", tmp_path / "run", "evaluation.tokenize=ja-mecab")
        assert 'needs MeCab with its IPA dictionary.\npip install "sacrebleu[ja]"' in error
        assert not (tmp_path / "run").exists()
        error = refusal("evaluate", chinese, "--tokenize", "ja-mecab")
        assert 'pip install "sacrebleu[ja]"' in error

    @pytest.mark.parametrize("override", ["tokenize=zh", 'references=["de"]'])
    def test_a_language_model_has_no_bleu(self, tmp_path: Path, override: str) -> None:
        recipe, run = write_recipe(tmp_path, LANGUAGE_MODEL), tmp_path / "run"
        error = refusal("train", recipe, "--run", run, f"evaluation.{override}")
        key = override.partition("=")[0]
        assert f"evaluation.{key}: cannot take effect in a language-model recipe" in error

    def test_options_need_a_translator(self, language_model: Path, tmp_path: Path) -> None:
        file = write_lines(tmp_path / "a.txt", [target for _, target in pairs_of("test")])
        for options in (("--tokenize", "zh"), ("--references", file)):
            assert "cannot take effect, since" in refusal("evaluate", language_model, *options)
        assert "[evaluation]" not in (language_model / "recipe.toml").read_text()


def test_a_sweep_has_the_tokens_and_references_of_its_recipe(chinese: Path, tmp_path: Path) -> None:
    recipe = read_recipe(str(chinese.parent / "recipe.toml"), ["training.steps=20"])
    job = Job("one", 1, recipe, tmp_path / "run", "test", "last", 1)
    result = run_job(job, threads=1, stop=StopRequest()).result
    assert result is not None
    signature = result.values["signatures"]["bleu"]
    assert signature.startswith("nrefs:var|case:mixed|eff:no|tok:zh|")
    assert result.score("bleu") == scores(tmp_path / "run", "--weights", "last")["bleu"]


def test_perplexity_per_word_needs_words(language_model: Path, tmp_path: Path) -> None:
    """Chinese lines would be counted as one word each."""
    warning = "perplexity per word: this text has no spaces between words"
    for name, expected in (("zh", True), ("en", False)):
        file = write_lines(tmp_path / f"{name}.txt", column("test", name))
        result = invoke("evaluate", language_model, "--source", file, "--split", "train")
        assert result.exit_code == 0
        assert (warning in " ".join(result.stderr.split())) == expected
