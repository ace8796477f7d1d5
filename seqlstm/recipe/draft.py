"""Drafts of recipes for a file or folder: short, commented, with sizes for its number of rows."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from seqlstm.config import parse
from seqlstm.config.data import SplitsConfig
from seqlstm.errors import DataError, TokenizerError
from seqlstm.recipe.read import CATALOGUE
from seqlstm.recipe.survey import DataSurvey
from seqlstm.recipe.tokenizers import make_tokenizers
from seqlstm.text.model_type import BYTES, SPECIAL_IDS

TRIED_ROWS = 20_000  # for the largest vocabulary that the text can give
CHARACTERS_PER_TOKEN = 4  # a guess


@dataclass(frozen=True)
class Sizes:
    """Sizes of a model and its training."""

    vocab_size: int
    hidden_size: int
    num_layers: int
    dropout: float
    batch: int  # tokens of a translator's batch, steps of a language model's
    minutes: int
    validate_every: int


# For at most so many pairs of sentences.
TRANSLATORS = {
    2_000: Sizes(1_000, 128, 2, 0.3, 400, 2, 50),
    20_000: Sizes(3_000, 256, 2, 0.3, 1000, 10, 200),
    100_000: Sizes(6_000, 384, 2, 0.3, 1600, 25, 400),
    500_000: Sizes(8_000, 512, 2, 0.15, 2000, 40, 500),
    10**12: Sizes(16_000, 512, 2, 0.1, 2500, 120, 1000),
}
# For at most so many characters of text.
LANGUAGE_MODELS = {
    300_000: Sizes(1_000, 256, 1, 0.4, 32, 2, 50),
    3_000_000: Sizes(4_000, 512, 1, 0.3, 48, 10, 200),
    30_000_000: Sizes(8_000, 640, 2, 0.3, 70, 60, 500),
    10**15: Sizes(16_000, 1024, 2, 0.1, 70, 180, 1000),
}


def draft(found: DataSurvey, file: Path) -> str:
    """The text of a recipe that trains as it is.

    Args:
        found: what the survey found.
        file: the recipe's file, for the commands in its head.

    Raises:
        DataError: the rows are too few for the slices of them.
    """
    _check_slices(found)
    amounts = TRANSLATORS if found.pair else LANGUAGE_MODELS
    amount = len(found.train) if found.pair else sum(map(len, found.train.texts))
    sizes = next(sizes for limit, sizes in amounts.items() if amount <= limit)
    for tokenizer in _tokenizers(found, sizes):
        text = _text(found, file, sizes, tokenizer)
        if _can_be_trained(text, found):
            break
    return text


def _check_slices(found: DataSurvey) -> None:
    slices = sum("[" in split for split in found.splits.model_dump().values())
    if found.rows < slices:
        raise DataError(
            f"{found.source} has {found.rows} row{'' if found.rows == 1 else 's'}, too few to cut "
            f"them into {slices} splits.",
            hint="A draft needs a row for each: training, validation and test.",
        )


def _can_be_trained(text: str, found: DataSurvey) -> bool:
    recipe = parse(tomllib.loads(text), where="the draft", catalogue=CATALOGUE)
    step = len(found.train) // TRIED_ROWS + 1
    try:
        make_tokenizers(recipe, replace(found.train, rows=found.train.rows[::step]))
    except TokenizerError:
        return False
    return True


def _tokenizers(found: DataSurvey, sizes: Sizes) -> Iterator[str]:
    """The lines of the section `tokenizer`: the wanted size first, then others that may suit."""
    sides = [*zip(*found.train.pairs, strict=True)] if found.pair else [found.train.texts]
    alphabets = [set[str]().union(*map(set, side)) for side in sides]
    letters = [{character for character in one if character.isalpha()} for one in alphabets]
    lines = []
    if len(letters) == 2 and not letters[0] & letters[1]:
        lines.append("joint = false  # the two sides share no letter")
    else:
        alphabets = [set[str]().union(*alphabets)]
    smallest = SPECIAL_IDS + BYTES + max(map(len, alphabets))
    wanted = max(sizes.vocab_size, -(-2 * smallest // 500) * 500)
    for share in (1, 2, 3, 4, 6, 8):
        if (size := wanted // share // 10 * 10) >= smallest:
            yield "\n".join(['model_type = "unigram"', f"vocab_size = {size}", *lines])
    yield "\n".join(['model_type = "char"', f"vocab_size = {wanted}", *lines])


def _text(found: DataSurvey, file: Path, sizes: Sizes, tokenizer: str) -> str:
    name = file.stem
    commands = [f"seqlstm train {file}", f"seqlstm evaluate runs/{name}"]
    if found.pair:
        title = f"A translator of {found.source}, {found.pair[0]} to {found.pair[1]}"
        commands.append(f"seqlstm translate runs/{name}")
    else:
        title = f"A language model of {found.source}"
        commands.append(f"seqlstm generate runs/{name}")
    head = [f"{title}: {len(found.train):,} rows to train on.", *(f"  {one}" for one in commands)]
    head.append("Reaches: not measured")
    head.append(f"Takes: {sizes.minutes} minutes")
    sections = [
        "".join(f"# {line}\n" for line in head) + f'task = "{found.task}"\n',
        "[data]\n" + "".join(f"{line}\n" for line in _data_lines(found, sizes)),
        f"[tokenizer]\n{tokenizer}\n",
        "[model]\n" + "".join(f"{line}\n" for line in _model_lines(found, sizes)),
        "[training]\n" + "".join(f"{line}\n" for line in _training_lines(found, sizes)),
    ]
    return "\n".join(sections)


def _data_lines(found: DataSurvey, sizes: Sizes) -> Iterator[str]:
    yield f"source = {_quoted(found.source)}"
    if found.pair:
        yield f"pair = [{', '.join(map(_quoted, found.pair))}]  # source, target"
        yield f'batching = {{ kind = "tokens", max_tokens = {sizes.batch} }}'
        yield "max_length = 100"
        yield "drop_duplicates = true"
    else:
        yield f"text = {_quoted(found.text or 'text')}"
        what = "of one long text" if found.unit == "line" else "each with an end"
        yield f'unit = "{found.unit}"  # rows are {found.unit}s {what}'
        streams = _streams(found, sizes.batch)
        yield f'batching = {{ kind = "stream", batch_size = {streams}, bptt = {sizes.batch} }}'
    if found.splits != SplitsConfig():
        splits = found.splits.model_dump()
        listed = ", ".join(f"{split} = {_quoted(name)}" for split, name in splits.items())
        yield f"splits = {{ {listed} }}"


def _model_lines(found: DataSurvey, sizes: Sizes) -> Iterator[str]:
    yield f"embedding_dim = {min(256, sizes.hidden_size)}"
    yield f"hidden_size = {sizes.hidden_size}"
    yield f"num_layers = {sizes.num_layers}"
    if found.pair:
        yield 'cell = { kind = "cifg" }'
        yield 'decoder = { kind = "parallel", lexical = true }'
    between = f"inter_layer = {sizes.dropout}, " if sizes.num_layers > 1 else ""
    masks = ", variational = false" if found.pair else ""
    yield f"dropout = {{ embedding = 0.1, {between}output = {sizes.dropout}{masks} }}"


def _training_lines(found: DataSurvey, sizes: Sizes) -> Iterator[str]:
    yield f"minutes = {sizes.minutes}  # or epochs, or steps"
    yield 'optimizer = { kind = "adamw", learning_rate = 3e-3, weight_decay = 0.1 }'
    yield f'schedule = {{ kind = "cosine", warmup_steps = {sizes.validate_every} }}'
    if found.pair:
        yield "label_smoothing = 0.1"
    yield f"validate_every = {sizes.validate_every}"
    yield "patience = 10  # validations without a better one"


def _streams(found: DataSurvey, steps: int) -> int:
    """As many streams as have some batches each."""
    tokens = sum(map(len, found.train.texts)) // CHARACTERS_PER_TOKEN
    return max(1, min(32, tokens // (8 * steps)))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # of such strings TOML's form is JSON's
