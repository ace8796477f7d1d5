"""Text is the same from a file, a pipe, an argument or the keyboard."""

from __future__ import annotations

import codecs
import json
import shutil
from pathlib import Path

import pytest

from seqlstm.cli import inputs
from seqlstm.cli.inputs import prompts
from tests.runs import answer, pairs_of

TEXT = "The child sees\r\na red boat\rtoday"
OPTIONS = ["--seed", 3, "--max-new-tokens", 6]


def test_a_prompt(language_model: Path) -> None:
    expected = answer("generate", language_model, "The child sees\na red boat\ntoday", *OPTIONS)
    assert "\r" not in expected
    assert answer("generate", language_model, TEXT, *OPTIONS) == expected
    assert answer("generate", language_model, f"\ufeff{TEXT}", *OPTIONS) == expected
    for text in (TEXT.encode(), codecs.BOM_UTF8 + TEXT.encode()):
        assert answer("generate", language_model, *OPTIONS, text=text) == expected


def test_a_text_to_inspect(language_model: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(codecs.BOM_UTF8 + TEXT.encode())
    options = ["--json"]
    from_file = answer("inspect", language_model, "--file", tmp_path / "text.txt", *options)
    assert json.loads(answer("inspect", language_model, f"\ufeff{TEXT}", *options)) == json.loads(
        from_file
    )


def test_typed_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["\ufeffone", "two\rthree", "", EOFError()])

    def typed_line(label: str) -> str:
        if isinstance(line := next(typed), BaseException):
            raise line
        return line

    monkeypatch.setattr(inputs, "plain", typed_line)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert list(prompts(">")) == ["one", "two", "three", ""]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_translate_and_evaluate_translate_the_same(
    translator: Path, tmp_path: Path, end: str
) -> None:
    """40 lines with the line ends of any system, and a byte-order mark."""
    run = Path(shutil.copytree(translator, tmp_path / "run"))
    pairs = [*pairs_of("test"), *pairs_of("validation")]
    for side, name in enumerate(("en", "de")):
        text = "".join(pair[side] + end for pair in pairs)
        (tmp_path / f"lines.{name}").write_bytes(codecs.BOM_UTF8 + text.encode())
    files = json.dumps([str(tmp_path / f"lines.{name}") for name in ("en", "de")])
    output = tmp_path / "scored.txt"
    answer("evaluate", run, "--source", f"{{test = {files}}}", "--output", output, "--batch", 64)
    translated = answer("translate", run, tmp_path / "lines.en")
    assert len(pairs) == 40
    assert translated == output.read_text()
    assert translated == answer("translate", run, text=(tmp_path / "lines.en").read_bytes())
