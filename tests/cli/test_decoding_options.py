"""Decoding options of `seqlstm translate`: equal to the Python API, or an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import seqlstm
from seqlstm.evaluation.translation import sentence_chrf
from seqlstm.inference.translator import LoadedTranslator
from tests.runs import TRANSLATOR, answer, invoke, pairs_of, refusal, train_in

LINES = [line for line, _ in pairs_of("test")[:5]]
TEXT = "".join(f"{line}\n" for line in LINES)


@pytest.fixture(scope="module")
def api(translator: Path) -> LoadedTranslator:
    loaded = seqlstm.load(translator, device="cpu")
    assert isinstance(loaded, LoadedTranslator)
    return loaded


@pytest.fixture(scope="module")
def other_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with another tokenizer."""
    recipe = TRANSLATOR.replace("vocab_size = 320", "vocab_size = 330")
    recipe = recipe.replace("steps = 60", "steps = 2")
    return train_in(tmp_path_factory.mktemp("other_tokenizer"), recipe)


def test_attention_writes_a_picture(translator: Path, tmp_path: Path) -> None:
    picture = tmp_path / "attention.png"
    plain = translations(translator)
    assert translations(translator, "--attention", picture) == plain
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_attention_that_cannot_be_drawn_is_refused(
    translator: Path, another: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "attention.png"
    together = refusal(
        "translate", translator, "--with", another, "--attention", picture, text=TEXT
    )
    assert "--attention cannot take effect with --with" in together
    many = refusal("translate", translator, "--attention", picture, text=TEXT * 5)
    assert "draws at most 20 sentences" in many
    assert "no line to draw" in refusal(
        "translate", translator, "--attention", picture, text="\n\n"
    )
    name = tmp_path / "attention.mp3"
    assert "mp3" in refusal("translate", translator, "--attention", name, text=TEXT)
    assert not picture.exists()


def translations(*arguments: object) -> list[str]:
    return answer("translate", *arguments, text=TEXT).split("\n")[:-1]


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (["--force-words", "rotes Boot"], {"force_words": ["rotes Boot"]}),
        (["--force-words", "nachts", "--force-words", "Haus"], {"force_words": ["nachts", "Haus"]}),
        (["--bad-words", "heute", "--bad-words", "sieht"], {"bad_words": ["heute", "sieht"]}),
        (["--prefix", "Mein Nachbar"], {"prefix": "Mein Nachbar"}),
        (["--min-length", 15], {"min_length": 15}),
        (["--max-length", 3], {"max_length": 3}),
        (
            ["--max-length-ratio", 0.01, "--min-length", 11],
            {"max_length_ratio": 0.01, "min_length": 11},
        ),
        (
            ["--no-repeat-ngram-size", 1, "--min-length", 12],
            {"no_repeat_ngram_size": 1, "min_length": 12},
        ),
        (["--coverage-penalty", 20], {"coverage_penalty": 20.0}),
        (["--beam-size", 1], {"beam_size": 1}),
    ],
    ids=str,
)
def test_an_option_equals_that_of_python(
    translator: Path, api: LoadedTranslator, flags: list[object], options: dict[str, Any]
) -> None:
    assert translations(translator, *flags) == api.translate(LINES, **options)


def test_options_change_translations(translator: Path, api: LoadedTranslator) -> None:
    plain = translations(translator)
    phrase = translations(
        translator, "--force-words", "rotes Boot", "--bad-words", plain[0].split()[0]
    )
    assert all("rotes Boot" in line for line in phrase)
    assert plain[0].split()[0] not in phrase[0].split()
    assert all(
        line.startswith("Mein Nachb") for line in translations(translator, "--prefix", "Mein Nachb")
    )
    lengths = [len(best[0].ids) for best in api.translations(LINES, min_length=35)]
    assert min(lengths) >= 35 > min(len(best[0].ids) for best in api.translations(LINES))
    assert len({*translations(translator, "--max-length", 1)}) <= 5


def test_an_ensemble(translator: Path, another: Path, api: LoadedTranslator) -> None:
    other = seqlstm.load(another, device="cpu")
    assert isinstance(other, LoadedTranslator)
    expected = [best[0] for best in api.ensemble_with(other).translations(LINES)]
    rows = [line.split("\t") for line in translations(translator, "--with", another, "--scores")]
    assert [text for _, _, text in rows] == [one.text for one in expected]
    for (score, log_probability, _), one in zip(rows, expected, strict=True):
        assert float(score) == pytest.approx(one.score, abs=2e-4)
        assert float(log_probability) == pytest.approx(one.log_probability, abs=2e-4)
    alone = [one[0].score for one in api.translations(LINES)]
    assert [one.score for one in expected] != pytest.approx(alone, abs=1e-3)
    thrice = translations(translator, "--with", translator, "--with", translator)
    assert thrice == translations(translator)


def test_another_tokenizer_is_refused(translator: Path, other_tokenizer: Path) -> None:
    error = refusal("translate", translator, "--with", other_tokenizer, text=TEXT)
    assert f"{translator} with {other_tokenizer}: an ensemble needs one tokenizer" in error
    assert "tokenizer.model" in error


def test_an_ensemble_is_of_translators(translator: Path, language_model: Path) -> None:
    error = refusal("translate", translator, "--with", language_model, text=TEXT)
    assert f"{language_model} is a language model" in error


def test_samples_are_numbered_and_depend_on_the_seed(
    translator: Path, api: LoadedTranslator
) -> None:
    flags = ["--sample", 3, "--temperature", 2, "--top-k", 50, "--seed", 4]
    rows = [line.split("\t") for line in translations(translator, *flags)]
    samples = api.sample(LINES, samples=3, temperature=2.0, top_k=50, seed=4)
    expected = [[str(n), one.text] for n, line in enumerate(samples, 1) for one in line]
    assert rows == expected
    assert translations(translator, *flags[:-1], 5) != translations(translator, *flags)
    assert translations(translator, *flags, "--batch", 1) == translations(translator, *flags)
    nucleus = ["--top-p", 0.01, "--min-p", 0.9]
    assert translations(translator, "--sample", 1, "--seed", 1, *nucleus) == translations(
        translator, "--sample", 1, "--temperature", 0
    )


def test_minimum_bayes_risk(translator: Path, api: LoadedTranslator) -> None:
    flags = ["--mbr", 6, "--temperature", 1.5, "--seed", 2]
    rows = [line.split("\t") for line in translations(translator, *flags, "--scores")]
    expected = api.minimum_bayes_risk(
        LINES, utility=sentence_chrf, samples=6, temperature=1.5, seed=2
    )
    assert [text for _, _, text in rows] == [one.text for one in expected]
    assert [float(score) for score, _, _ in rows] == pytest.approx(
        [one.score for one in expected], abs=1e-3
    )
    assert translations(translator, *flags, "--batch", 2) == [one.text for one in expected]
    lines = answer("translate", translator, *flags, "--json", text=TEXT).splitlines()
    assert [len(json.loads(line)["translations"]) for line in lines] == [1] * 5


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--sample", 2, "--mbr", 3], "--sample and --mbr exclude each other"),
        (["--mbr", 4, "--n-best", 2], "--n-best cannot take effect with --mbr"),
        (["--sample", 4, "--beam-size", 2], "--beam-size cannot take effect with --sample"),
        (["--mbr", 4, "--length-penalty", 0], "--length-penalty cannot take effect with --mbr"),
        (["--mbr", 4, "--coverage-penalty", 1], "--coverage-penalty cannot take effect with"),
        (["--sample", 4, "--force-words", "x"], "--force-words cannot take effect with --sample"),
        (["--temperature", 1], "--temperature cannot take effect without --sample or --mbr"),
        (["--top-k", 1], "--top-k cannot take effect without"),
        (["--top-p", 0.5], "--top-p cannot take effect without"),
        (["--min-p", 0.5], "--min-p cannot take effect without"),
        (["--seed", 0], "--seed cannot take effect without"),
        (["--min-length", 5, "--max-length", 4], "--min-length 5 is more than --max-length 4"),
        (["--force-words", ""], "a phrase that must or must not appear is empty"),
        (
            ["--force-words", "das Haus", "--bad-words", "Haus"],
            "contains a phrase that must not",
        ),
        (["--force-words", "a b c d e f g", "--max-length", 3], "its maximum length is 3"),
    ],
    ids=str,
)
def test_options_that_exclude_each_other(
    translator: Path, flags: list[object], message: str
) -> None:
    assert message in " ".join(refusal("translate", translator, *flags, text=TEXT).split())


def test_an_unmet_constraint_is_a_warning(translator: Path) -> None:
    result = invoke(
        "translate",
        translator,
        "--force-words",
        "Haus Haus",
        "--no-repeat-ngram-size",
        1,
        text=LINES[0],
    )
    assert result.exit_code == 0
    assert "warning: 1 of 1 translations lack a phrase that must appear" in result.stderr


def converse(run: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> tuple[list[str], str]:
    """Standard output and standard error of a session on a terminal."""
    monkeypatch.setattr("seqlstm.cli.commands.translate.on_terminal", lambda: True)
    result = invoke("translate", run, text="".join(f"{line}\n" for line in lines))
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines(), result.stderr


def test_commands_change_the_next_translations(
    translator: Path, api: LoadedTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = LINES[0]
    output, notes = converse(
        translator,
        monkeypatch,
        *(line, "/beam-size 5", "/n-best 4", line, "/n-best", "/scores", line, "/scores"),
        *("/max-length 2", line, "/max-length", "/length-penalty 0", "/help", line, "//x"),
    )
    best = api.translations([line], beam_size=5, n_best=4)[0]
    short = api.translate([line], beam_size=5, max_length=2)
    first = api.translations([line], beam_size=5)[0][0]
    plain = api.translate([line], beam_size=5, length_penalty=0.0)
    assert output == [
        *api.translate([line]),
        *(f"2\t{one.text}" for one in best),
        f"{first.score:.4f}\t{first.log_probability:.4f}\t{first.text}",
        *short,
        *plain,
        *api.translate(["/x"], beam_size=5, length_penalty=0.0),
    ]
    assert "/coverage-penalty" in notes
    assert "scores are shown" in notes


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("/beam-sise 3", 'did you mean "beam-size"?'),
        ("/x", "/help lists them"),
        ("/beam-size", None),
        ("/beam-size zero", "/beam-size needs a whole number, 1 or more, was: zero"),
        ("/beam-size 0", "/beam-size needs a whole number, 1 or more, was: 0"),
        ("/beam-size 2.5", "/beam-size needs a whole number"),
        ("/length-penalty -1", "/length-penalty needs a number, 0 or more, was: -1"),
        ("/length-penalty nan", "/length-penalty needs a number"),
        ("/n-best 9", "--n-best 9 is more than the beam size 3"),
    ],
)
def test_a_wrong_command_changes_nothing(
    translator: Path,
    api: LoadedTranslator,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    message: str | None,
) -> None:
    output, notes = converse(translator, monkeypatch, command, LINES[1])
    assert output == api.translate([LINES[1]])
    assert message is None or message in notes


def test_in_a_pipe_a_command_is_a_line(translator: Path, api: LoadedTranslator) -> None:
    expected = api.translate(["/beam-size 5", LINES[0]])
    assert (
        answer("translate", translator, text=f"/beam-size 5\n{LINES[0]}\n").splitlines() == expected
    )


def test_decoding_options_of_a_recipe(translator: Path, tmp_path: Path) -> None:
    recipe = TRANSLATOR.replace("steps = 60", "steps = 1").replace(
        "[decoding]\nbeam_size = 3",
        "[decoding]\nbeam_size = 2\ncoverage_penalty = 0.25\nno_repeat_ngram_size = 3",
    )
    loaded = seqlstm.load(train_in(tmp_path, recipe), device="cpu")
    assert isinstance(loaded, LoadedTranslator)
    assert (loaded.options.beam_size, loaded.options.length_penalty) == (2, 1.0)
    assert (loaded.options.coverage_penalty, loaded.options.no_repeat_ngram_size) == (0.25, 3)
    assert "|coverage_penalty:0.25|no_repeat_ngram_size:3|" in loaded.signature(batch=1)


def test_help_has_panels() -> None:
    shown = answer("translate", "--help")
    for panel in ("Beam search", "Constraints", "Sampling", "Output"):
        assert panel in shown
