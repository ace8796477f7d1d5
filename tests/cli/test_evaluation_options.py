"""`seqlstm evaluate` and `score` of language models: contexts, dynamic evaluation, streams."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import pytest

from seqlstm.cli import evaluation_options
from seqlstm.evaluation.dynamic_evaluation import DynamicEvaluation
from seqlstm.evaluation.neural_cache import NeuralCache
from seqlstm.inference.scoring import Score
from seqlstm.inference.streaming_score import StreamingScorer
from tests.runs import answer, invoke, refusal, write_lines


def scores(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer("evaluate", *arguments, "--json"))
    return found


def digest(run: Path) -> dict[str, str]:
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in run.iterdir()}


def test_dynamic_evaluation_and_cache_have_their_own_scores(language_model: Path) -> None:
    before = digest(language_model)
    static = scores(language_model)
    found = scores(language_model, "--dynamic", "--dynamic-batches", 3, "--cache")
    assert digest(language_model) == before
    dynamic, cache = found.pop("dynamic"), found.pop("cache")
    assert found == static
    for one, settings in ((dynamic, "dynamic:rms,rate:0.0001"), (cache, "cache:2000,flatness:0.3")):
        assert list(one) == list(static)
        assert settings in one["signature"]
        assert one["words"] == static["words"]
        assert one["nats_per_token"] != static["nats_per_token"]
    result = invoke("evaluate", language_model, "--dynamic", "--dynamic-batches", 3, "--cache")
    assert result.stdout.splitlines()[0].split() == ["score", "value", "dynamic", "cache"]
    for one in (static, dynamic, cache):
        assert f"{one['perplexity_per_word']:,.4f}" in result.stdout
        assert one["signature"] in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "setting"),
    [
        ("--dynamic-rate", 0.0005, "rate:0.0005"),
        ("--dynamic-decay", 0.5, "decay:0.5"),
        ("--dynamic-epsilon", 0.1, "epsilon:0.1"),
        ("--dynamic-span", 9, "span:9"),
        ("--dynamic-batches", 1, "gradients:train 1x"),
        ("--cache-size", 3, "cache:3"),
        ("--cache-flatness", 2.0, "flatness:2"),
        ("--cache-share", 0.4, "share:0.4"),
    ],
)
def test_every_option_changes_the_score(
    language_model: Path, option: str, value: float, setting: str
) -> None:
    name = option.split("-")[2]
    few = () if option == "--dynamic-batches" else ("--dynamic-batches", 2)
    options = (f"--{name}", *(few if name == "dynamic" else ()))
    plain = scores(language_model, *options)[name]
    found = scores(language_model, *options, option, value)[name]
    assert setting in found["signature"]
    assert found["nats_per_token"] not in (plain["nats_per_token"], None)


@pytest.mark.parametrize(
    ("name", "options"), [("Dynamic", DynamicEvaluation()), ("Cache", NeuralCache())]
)
def test_help_states_the_real_defaults(name: str, options: Any) -> None:
    for key, default in asdict(options).items():
        (_, option) = get_args(getattr(evaluation_options, f"{name}{key.title()}"))
        assert option.help.endswith(f": {default}.")


def test_contexts(language_model: Path) -> None:
    plain = scores(language_model)
    assert scores(language_model, "--context", "carried") == plain
    reset = scores(language_model, "--context", "reset")
    sliding = scores(language_model, "--context", "sliding")
    assert "|state:reset|" in reset["signature"]
    assert "|state:sliding-256|" in sliding["signature"]
    short = scores(language_model, "--context", "sliding", "--min-context", 3)
    assert "|state:sliding-3|" in short["signature"]
    assert len({one["nats_per_token"] for one in (plain, reset, sliding, short)}) == 4


def test_documents_add_up(language_model: Path) -> None:
    found = scores(language_model, "--documents", "--context", "reset")
    documents = found["documents"]
    assert len(documents) == 20
    nats = found["nats_per_token"] * found["tokens"]
    assert sum(one["nats"] for one in documents) == pytest.approx(nats, rel=1e-5)
    for count in ("tokens", "words", "bytes"):
        assert sum(one[count] for one in documents) == found[count]
    first = documents[0]
    assert first["perplexity_per_word"] == pytest.approx(math.exp(first["nats"] / first["words"]))
    assert first["perplexity_per_token"] == pytest.approx(math.exp(first["nats"] / first["tokens"]))
    shown = answer("evaluate", language_model, "--documents", "--context", "reset")
    assert f"{first['perplexity_per_word']:,.4f}" in shown
    assert first["begins"][:20] in shown


def test_several_sources_with_cache_and_documents(
    language_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for n in (2, 9):
        write_lines(tmp_path / f"{n}.txt", ["The child sees the house."] * n)
    files = [Path(f"{n}.txt") for n in (2, 9)]
    named = [part for file in files for part in ("--source", f"./{file}")]
    options = (*named, "--split", "train", "--cache", "--documents")
    found = scores(language_model, *options)["sets"]
    for file, count in zip(files, (2, 9), strict=True):
        alone = scores(language_model, "--source", f"./{file}", *options[4:])
        assert found[f"./{file}"] == alone
        assert len(alone["documents"]) == count
    head = answer("evaluate", language_model, *options).splitlines()[0]
    assert head.split() == ["score", "./2.txt", "./2.txt", "cache", "./9.txt", "./9.txt", "cache"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cache-size", "3"], "--cache-size cannot take effect without --cache"),
        (["--dynamic-span", "3"], "--dynamic-span cannot take effect without --dynamic"),
        (["--min-context", "3"], "min_context cannot take effect where the context is carried"),
        (["--context", "sliding", "--streams", "2"], "streams cannot take effect on sliding"),
        (["--context", "reset", "--cache"], "read one text, and the context is reset"),
        (["--context", "sliding", "--dynamic"], "read one text, and the context is sliding"),
        (["--cache", "--cache-share", "1"], "cache share must be at least 0 and less than 1"),
        (["--dynamic", "--dynamic-epsilon", "0"], "dynamic epsilon must be positive"),
    ],
)
def test_options_that_exclude_each_other(
    language_model: Path, options: list[str], message: str
) -> None:
    assert message in refusal("evaluate", language_model, *options)


@pytest.mark.parametrize(
    "options", [["--dynamic"], ["--cache"], ["--documents"], ["--context", "reset"]]
)
def test_a_translator_has_none_of_these_options(translator: Path, options: list[str]) -> None:
    error = refusal("evaluate", translator, *options)
    assert f"{options[0][2:]}: cannot take effect, since {translator} is a translator" in error


class TestStream:
    LINES = ("The child sees the house today.", "", "zzz 🙂", "A woman buys two apples.")

    def test_the_totals_equal_those_of_evaluate(self, language_model: Path, tmp_path: Path) -> None:
        file = write_lines(tmp_path / "log.txt", self.LINES)
        result = invoke("score", language_model, "--stream", text=file.read_bytes())
        assert result.exit_code == 0, result.output
        rows = [line.split("\t") for line in result.stdout.splitlines()]
        assert [row[4] for row in rows] == list(self.LINES)
        whole = scores(language_model, "--source", file, "--split", "train")
        nats = whole["nats_per_token"] * whole["tokens"]
        assert -sum(float(row[0]) for row in rows) == pytest.approx(nats, abs=1e-3)
        for row, line in zip(rows, self.LINES, strict=True):
            expected = float(row[2]) / (len(line.encode()) + 1)
            assert float(row[3]) == pytest.approx(expected, abs=1e-3)
        assert f"4 lines, {whole['tokens']} pieces, {whole['bytes']} bytes" in result.stderr
        assert f"{whole['bits_per_byte']:.4f} bits per byte" in result.stderr
        from_file = invoke("score", language_model, file, "--stream", "--batch", 1)
        assert [row.split("\t")[4] for row in from_file.stdout.splitlines()] == list(self.LINES)
        assert from_file.stderr == result.stderr

    def test_pieces(self, language_model: Path) -> None:
        text = answer("score", language_model, "--stream", "--tokens", text="The child\n")
        head, *pieces = text.splitlines()
        total = sum(float(piece.split("\t")[1]) for piece in pieces)
        assert total == pytest.approx(float(head.split("\t")[2]), abs=1e-2)
        assert pieces[-1].endswith("\t\\n")

    def test_ctrl_c_prints_the_totals(
        self, language_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        push = StreamingScorer.push

        def interrupted(scorer: StreamingScorer, lines: list[str]) -> list[Score]:
            if scorer.lines == 2:
                raise KeyboardInterrupt
            return push(scorer, lines)

        monkeypatch.setattr(StreamingScorer, "push", interrupted)
        text = "".join(f"{line}\n" for line in self.LINES)
        result = invoke("score", language_model, "--stream", "--batch", 1, text=text)
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) == 2
        assert "2 lines, " in result.stderr

    def test_a_translator_has_no_stream(self, translator: Path) -> None:
        assert "this needs a language model" in refusal(
            "score", translator, "--stream", text="a\tb\n"
        )
