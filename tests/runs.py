"""Tiny corpora and recipes, and the command line run in this process, for tests of runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from typer.testing import CliRunner, Result

from seqlstm.cli.app import app

SUBJECTS = (
    ("The child", "Das Kind"),
    ("A woman", "Eine Frau"),
    ("My neighbour", "Mein Nachbar"),
    ("Nobody", "Niemand"),
    ("The old man", "Der alte Mann"),
    ("Everyone", "Jeder"),
)
VERBS = (("sees", "sieht"), ("buys", "kauft"), ("finds", "findet"), ("paints", "malt"))
OBJECTS = (
    ("a red boat", "ein rotes Boot"),
    ("the house", "das Haus"),
    ("two apples", "zwei Äpfel"),
    ("old letters", "alte Briefe"),
    ("the café", "das Café"),
)
ADVERBS = (("today", "heute"), ("at night", "nachts"))


def sentence(subject: str, verb: str, object: str, adverb: str) -> str:
    return f"{subject} {verb} {object} {adverb}."


def pairs_of(split: str) -> list[tuple[str, str]]:
    """English and German sentences: 200 for training, 20 in each other split, all different."""
    remainders = {"validation": {5}, "test": {11}}.get(split, {*range(12)} - {5, 11})
    pairs = [
        (sentence(*english), sentence(*german))
        for english, german in (
            zip(*words, strict=True) for words in product(SUBJECTS, VERBS, OBJECTS, ADVERBS)
        )
    ]
    return [pair for index, pair in enumerate(pairs) if index % 12 in remainders]


LETTERS = str.maketrans("abcdefghijklmnopqrstuvwxyzäöüéß", "αβκδεφγηιθκλμνοπρσστυφωξψζάόύές")


def in_greek_letters(text: str) -> str:
    return text.lower().translate(LETTERS)


def write_texts(folder: Path) -> None:
    """Write each split as parallel plain text, `SPLIT.en` and `SPLIT.de`."""
    for split in ("train", "validation", "test"):
        english, german = zip(*pairs_of(split), strict=True)
        for language, lines in (("en", english), ("de", german)):
            write_lines(folder / f"{split}.{language}", lines)


def write_lines(path: Path, lines: tuple[str, ...] | list[str]) -> Path:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return path


def write_table(
    path: Path, columns: tuple[str, ...], rows: Sequence[tuple[str | None, ...]]
) -> Path:
    """Write rows as JSON lines; a dotted column name makes nested objects."""
    lines = []
    for row in rows:
        table: dict[str, object] = {}
        for column, value in zip(columns, row, strict=True):
            *parents, last = column.split(".")
            inner = table
            for parent in parents:
                inner = inner.setdefault(parent, {})  # type: ignore[assignment]
            inner[last] = value
        lines.append(json.dumps(table, ensure_ascii=False))
    return write_lines(path, lines)


TRANSLATOR = """# A translator small enough for a test.
task = "translation"
device = "cpu"
precision = "float32"

[data]
source = {{ train = ["{at}/train.en", "{at}/train.de"], validation = ["{at}/validation.en", \
"{at}/validation.de"], test = ["{at}/test.en", "{at}/test.de"] }}
pair = ["en", "de"]
batching = {{ kind = "tokens", max_tokens = 800 }}
max_length = 60

[tokenizer]
model_type = "unigram"
vocab_size = 320

[model]
embedding_dim = 24
hidden_size = 32
num_layers = 2

[training]
steps = 60
optimizer = {{ kind = "adam", learning_rate = 2e-2 }}
validate_every = 20
save_every = 25

[decoding]
beam_size = 3
"""

LANGUAGE_MODEL = """# A language model small enough for a test.
task = "language-model"
device = "cpu"
precision = "float32"

[data]
source = {{ train = "{at}/train.en", validation = "{at}/validation.en", test = "{at}/test.en" }}
text = "text"
unit = "line"
batching = {{ kind = "stream", batch_size = 8, bptt = 16 }}

[tokenizer]
model_type = "unigram"
vocab_size = 300

[model]
embedding_dim = 24
hidden_size = 32

[training]
steps = 60
optimizer = {{ kind = "adam", learning_rate = 2e-2 }}
validate_every = 20
"""


def write_recipe(folder: Path, recipe: str) -> Path:
    """Write a recipe and, in the same folder, its texts."""
    write_texts(folder)
    path = folder / "recipe.toml"
    path.write_text(recipe.format(at=folder.as_posix()), encoding="utf-8")
    return path


def invoke(*arguments: object, text: str | bytes | None = None) -> Result:
    """Run the command in this process; standard input and output are pipes."""
    return CliRunner(env={"TERM": "dumb"}).invoke(
        app, [str(argument) for argument in arguments], input=text
    )


def answer(*arguments: object, text: str | bytes | None = None) -> str:
    """The standard output of a command that must succeed."""
    result = invoke(*arguments, text=text)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(*arguments: object, text: str | bytes | None = None) -> str:
    """The standard error of a command that must fail with exit code 2 and no traceback."""
    result = invoke(*arguments, text=text)
    assert result.exit_code == 2, (result.output, result.exception)
    assert "Traceback" not in result.output
    return result.stderr


def train_in(folder: Path, recipe: str) -> Path:
    """Train a recipe by the command; its run folder."""
    answer("train", write_recipe(folder, recipe), "--run", folder / "run")
    return folder / "run"
