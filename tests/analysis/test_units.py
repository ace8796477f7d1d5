"""Units: names, activations, and finding a unit that tracks a property."""

from __future__ import annotations

import math
import random
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from seqlstm.analysis.activations import Unit, activations, inventory, vectors
from seqlstm.analysis.annotated_text import AnnotatedText, annotate, annotate_rows
from seqlstm.analysis.text_properties import PROPERTIES
from seqlstm.analysis.units import activations_in_text, survey
from seqlstm.data.batching.streams import encode_stream
from seqlstm.errors import ArgumentError, DataError
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.models.embedding import TokenEmbedding
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.output.softmax import OutputLayer
from seqlstm.recurrent.blocks.xlstm import xlstm_block
from seqlstm.recurrent.cells.base import LinearCell
from seqlstm.recurrent.layer import Recurrent
from seqlstm.recurrent.stack import BlockStack, Stack
from seqlstm.recurrent.state import State
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.train_tokenizer import train_tokenizer
from tests.recurrent.cases import Case, randomise
from tests.tiny import DOCUMENTS, FLOAT32, HIDDEN, LINES, random_language_model

NAMES = ["brackets", "line", "word"]


class Counter(LinearCell):
    """h_t = (1 − r) ∘ h_{t-1} + x_t: units sum their inputs until the first is 1."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden)
        self.nothing = nn.Parameter(torch.zeros(hidden))

    def initial_state(self, batch: int) -> State:
        return (self.nothing.new_zeros(batch, self.hidden_size),)

    def project(self, inputs: Tensor) -> Tensor:
        return inputs

    def coefficients(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        return (1 - projected[..., :1]).expand_as(projected), projected


def nested(characters: int, *, seed: int = 3) -> str:
    """Lines of letters, spaces and brackets that are all closed."""
    random_numbers = random.Random(seed)
    text = ""
    while len(text) < characters:
        depth = 0
        for _ in range(random_numbers.randrange(5, 40)):
            sign = random_numbers.choice("ab ()(" if depth else "ab (")
            depth += {"(": 1, ")": -1}.get(sign, 0)
            text += sign
        text += ")" * depth + ".\n"
    return text


@pytest.fixture(scope="module")
def characters() -> Tokenizer:
    return train_tokenizer([nested(300)], model_type="char", vocab_size=270)


@pytest.fixture(scope="module")
def counter(characters: Tokenizer) -> LoadedLanguageModel:
    """A model whose unit 1:h:3 is −2 × the depth of brackets; the other units are random walks."""
    torch.manual_seed(1)
    embedding = TokenEmbedding(characters.vocab_size, 5)
    table = embedding.table.weight.detach()
    table[:, 0] = table[:, 2] = 0.0
    opens, closes, ends = (characters.encode(sign)[-1] for sign in "()\n")
    table[opens, 2], table[closes, 2] = -2.0, 2.0
    table[ends, 0] = 1 / embedding.scale
    model = LanguageModel(
        embedding=embedding,
        stack=Stack(Counter, input_size=5, hidden_size=5, num_layers=1),
        output_layer=OutputLayer(5, characters.vocab_size),
    )
    return LoadedLanguageModel(model, characters, precision=FLOAT32)


def test_the_unit_that_counts_brackets_is_found(counter: LoadedLanguageModel) -> None:
    result = activations_in_text(counter, "a(b(c))", [nested(3000)], names=NAMES, best=2)
    first, second = result.best_units["brackets"]
    assert first.unit == Unit(1, "h", 3)
    assert (first.correlation, first.held_out) == pytest.approx((-1, -1))
    assert abs(second.correlation) < 0.9
    assert result.property_values("brackets") == [0, 1, 1, 2, 2, 1, 0]
    scale = 2 * 5**0.5  # of the embedding
    assert result.activations[first.unit] == pytest.approx(
        [-scale * n for n in (0, 1, 1, 2, 2, 1, 0)]
    )
    deviations = torch.tensor(result.deviations(first.unit))
    assert float(deviations.mean()) == pytest.approx(0, abs=1e-6)
    assert float(deviations.std(correction=0)) == pytest.approx(1)
    assert (
        [unit_correlation.property for unit_correlation in result.leading]
        == list(result.best_units)
        == NAMES
    )
    assert result.leading[0] == first


def test_one_unit_alone(counter: LoadedLanguageModel) -> None:
    result = activations_in_text(counter, "(a)", [nested(3000)], names=NAMES, unit="1:3")
    assert {
        name: [unit_correlation.unit.number for unit_correlation in group]
        for name, group in result.best_units.items()
    } == {name: [3] for name in NAMES}
    assert [unit_correlation.property for unit_correlation in result.leading] == ["brackets"]


def test_a_constant_property_has_no_units(counter: LoadedLanguageModel) -> None:
    result = activations_in_text(
        counter, "(a)", [nested(3000)], names=["comment", "brackets"], best=9
    )
    assert result.best_units["comment"] == []
    numbers = {unit_correlation.unit.number for unit_correlation in result.best_units["brackets"]}
    assert numbers == {2, 3, 4, 5}  # the first never changes either


def test_both_halves_count(counter: LoadedLanguageModel) -> None:
    text = annotate(nested(5000), NAMES, tokenizer=counter.tokenizer)
    result = survey(counter, text, NAMES)
    ranked, held_out = result.positions
    assert ranked + held_out <= len(text) - 256
    assert ranked + held_out > len(text) - 256 - 32
    assert abs(ranked - held_out) <= len(text) / 16
    assert float(result.held_out[0, 2]) == pytest.approx(-1)


def test_a_short_text_is_refused(counter: LoadedLanguageModel) -> None:
    with pytest.raises(DataError, match="a text of 99 pieces is too short"):
        activations_in_text(counter, "a", [nested(3000)], names=NAMES, max_pieces=99)
    result = activations_in_text(counter, "a", [nested(3000)], names=NAMES, max_pieces=100)
    assert result.survey.positions[0] >= 25
    with pytest.raises(ArgumentError, match="no pieces"):
        activations_in_text(counter, "", [nested(3000)], names=NAMES)


# Annotations.


@pytest.mark.parametrize("text", ["ab (c\n[d] é)", "日本 (🙂)", "", " a  "])
def test_a_piece_has_the_properties_of_its_last_character(tokenizer: Tokenizer, text: str) -> None:
    for using in (tokenizer, train_tokenizer(LINES, model_type="unigram", vocab_size=300)):
        annotated = annotate(text, NAMES, tokenizer=using)
        assert annotated.ids == using.encode(text)
        read = "".join(annotated.parts)
        assert read == using.decode(annotated.ids)
        values = {name: PROPERTIES[name].values(read) for name in NAMES}
        end = 0
        for part, expected in zip(annotated.parts, annotated.properties.tolist(), strict=True):
            end += len(part)
            assert expected == [values[name][end - 1] if end else 0 for name in NAMES]


@pytest.mark.parametrize("unit", ["document", "line"])
def test_rows_are_one_text(tokenizer: Tokenizer, unit: str) -> None:
    def rows(max_pieces: int) -> AnnotatedText:
        return annotate_rows(
            DOCUMENTS, NAMES, tokenizer=tokenizer, unit=unit, max_pieces=max_pieces
        )

    whole = rows(10**6)
    stream = encode_stream(DOCUMENTS, tokenizer=tokenizer, unit=unit).ids[1:].tolist()
    assert whole.ids == stream
    ends = [place for place, id in enumerate(whole.ids) if id == tokenizer.end]
    assert len(ends) == (len(DOCUMENTS) if unit == "document" else 0)
    assert whole.properties[ends].abs().sum() == 0
    assert (whole.properties[:, 1] > 0).any()
    assert len(whole.parts) == len(whole.properties) == len(whole)
    for most in (1, 20, ends[0] + 1 if ends else 30):
        cut = rows(most)
        assert (cut.ids, cut.parts) == (whole.ids[:most], whole.parts[:most])
        assert len(cut.properties) == most


# States.


def loaded_of(cell: Case, tokenizer: Tokenizer) -> LoadedLanguageModel:
    model = random_language_model(tokenizer.vocab_size, cell=lambda *sizes: cell.build(*sizes))
    return LoadedLanguageModel(model, tokenizer, precision=FLOAT32)


def blocks(tokenizer: Tokenizer) -> LoadedLanguageModel:
    """One block of each kind."""
    make = partial(xlstm_block, input_size=8, mlstm=1, slstm=1, heads=2)
    model = LanguageModel(
        embedding=TokenEmbedding(tokenizer.vocab_size, 8),
        stack=BlockStack(lambda index: make(index), input_size=8, num_layers=2),
        output_layer=OutputLayer(8, tokenizer.vocab_size),
    )
    model = randomise(model.double()).eval()
    return LoadedLanguageModel(model, tokenizer, precision=FLOAT32)


CASES = [
    Case("lstm"),
    Case("gru", {"reset": "after"}),
    Case("odyssey", {"variant": "FGR"}),
    Case("slstm", {"heads": 2}),
    Case("mlstm", {"heads": 2}),
    Case("minlstm"),
    None,
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_activations_are_those_of_the_state(tokenizer: Tokenizer, case: Case | None) -> None:
    loaded = loaded_of(case, tokenizer) if case else blocks(tokenizer)
    for layer in loaded.model.modules():
        if isinstance(layer, Recurrent):
            layer.backend = "loop"  # the other backends return the same, but take time to compile
    ids = torch.tensor([tokenizer.encode(line)[:9] for line in LINES[:3]])
    by_step = [*activations(loaded, ids)]
    assert len(by_step) == 9
    for steps in (1, 5, 9):
        with torch.no_grad():
            _, state = loaded.model.stack(loaded.model.embedding(ids[:, :steps]))
        assert state is not None
        torch.testing.assert_close(by_step[steps - 1], vectors(state), rtol=1e-9, atol=1e-12)
    assert by_step[0].shape == (3, len(inventory(loaded.model).units))
    assert by_step[0].isfinite().all()


def names_of(case: Case | None, tokenizer: Tokenizer) -> tuple[dict[str, int], list[str]]:
    """The number of units of each vector, and the left-out matrices."""
    loaded = loaded_of(case, tokenizer) if case else blocks(tokenizer)
    result = inventory(loaded.model)
    counts: dict[str, int] = {}
    for unit in result.units:
        vector = f"{unit.layer}:{unit.vector}"
        counts[vector] = counts.get(vector, 0) + 1
        assert unit.number == counts[vector]
    return counts, result.left_out


def test_vectors_are_named_as_the_cell_names_them(tokenizer: Tokenizer) -> None:
    both = {f"{layer}:{vector}": HIDDEN for layer in (1, 2) for vector in "hc"}
    assert names_of(Case("lstm"), tokenizer) == (both, [])
    assert names_of(Case("gru"), tokenizer) == ({"1:h": HIDDEN, "2:h": HIDDEN}, [])


def test_matrices_are_left_out(tokenizer: Tokenizer) -> None:
    per_layer = {"n": HIDDEN, "m": 2}
    expected = {f"{layer}:{name}": size for layer in (1, 2) for name, size in per_layer.items()}
    assert names_of(Case("mlstm", {"heads": 2}), tokenizer) == (expected, ["1:C", "2:C"])
    counts, left_out = names_of(None, tokenizer)
    assert counts == {"1:window": 48, "1:n": 16, "1:m": 2, **{f"2:{name}": 8 for name in "hcnm"}}
    assert left_out == ["1:C"]


@pytest.mark.parametrize(
    ("text", "unit"),
    [("2:8", (2, "c", 8)), ("1:h:1", (1, "h", 1)), ("1:c:3", (1, "c", 3))],
)
def test_a_unit_has_a_name(tokenizer: Tokenizer, text: str, unit: tuple[int, str, int]) -> None:
    result = inventory(random_language_model(tokenizer.vocab_size))
    assert result.find(text) == Unit(*unit)


@pytest.mark.parametrize(
    "text", ["3:1", "1:0", "1:9", "1:n:1", "x", "", "1:c:x", "1:c:2:3", "01:1"]
)
def test_an_unknown_unit(tokenizer: Tokenizer, text: str) -> None:
    result = inventory(random_language_model(tokenizer.vocab_size))
    with pytest.raises(ArgumentError, match=r"There are 1:h:1 to 1:h:8, 1:c:1 to 1:c:8, 2:h:1 to"):
        result.find(text)


def test_a_memory_without_c_or_h(tokenizer: Tokenizer) -> None:
    result = inventory(loaded_of(Case("mlstm", {"heads": 2}), tokenizer).model)
    assert result.find("1:8") == Unit(1, "n", 8)


def test_a_constant_in_the_other_half_is_nan(counter: LoadedLanguageModel) -> None:
    result = activations_in_text(
        counter, "a", [nested(2000) + "a" * 2000], names=["brackets"], best=1
    )
    (best,) = result.best_units["brackets"]
    assert best.correlation == pytest.approx(-1)
    assert math.isnan(best.held_out)
