"""The past of a language model: saving, branching, batching and continuing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from seqlstm.decoding.logits import MAX_HISTORY
from seqlstm.errors import ArgumentError, RunError
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.past import Past
from seqlstm.inference.prefill import prefill_and_score
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.cells.min_rnn import MinGRU
from seqlstm.recurrent.cells.mlstm import MLSTM
from seqlstm.text.tokenizer import Tokenizer
from tests.recurrent.cases import assert_same
from tests.tiny import FLOAT32, LINES, MakeCell, random_language_model

TEXTS = ["The gardener", "", "Nobody sells nothing.\nMy oldest friend", "a"]

every_cell = pytest.mark.parametrize("cell", [LSTM, MinGRU, MLSTM])


def loaded_of(tokenizer: Tokenizer, cell: MakeCell = LSTM, seed: int = 4) -> LoadedLanguageModel:
    model = random_language_model(tokenizer.vocab_size, cell=cell, seed=seed)
    return LoadedLanguageModel(model, tokenizer, precision=FLOAT32, unit="line")


@pytest.fixture
def loaded(tokenizer: Tokenizer) -> LoadedLanguageModel:
    return loaded_of(tokenizer)


def assert_equal(first: Past, other: Past) -> None:
    """Exact equality, but the states up to rounding in batches."""
    assert_same(first.state, other.state)
    assert first.token.tolist() == other.token.tolist()
    assert [row.tolist() for row in first.history] == [row.tolist() for row in other.history]
    assert first.origin == other.origin


def written(loaded: LoadedLanguageModel, past: Past) -> str:
    return "".join(loaded.session(past).stream(max_new_tokens=20, seed=3, repetition_penalty=1.3))


@every_cell
def test_a_restored_past_continues_exactly(
    tokenizer: Tokenizer, tmp_path: Path, cell: MakeCell
) -> None:
    loaded = loaded_of(tokenizer, cell)
    session = loaded.session()
    session.read("\n".join(LINES))
    past, file = session.past, tmp_path / "once"
    past.save(file)
    text = "".join(session.stream(max_new_tokens=20, seed=3, repetition_penalty=1.3))
    again = loaded_of(tokenizer, cell).restore(file)
    for first, other in zip(
        (past.token, *past.history), (again.token, *again.history), strict=True
    ):
        assert torch.equal(first, other)
    assert_same(again.state, past.state, rtol=0.0, atol=0.0)
    assert written(loaded, again) == written(loaded, past) == text
    assert written(loaded, loaded.past()) != text
    assert file.stat().st_size < 8192


@every_cell
def test_a_batch_equals_its_rows(tokenizer: Tokenizer, cell: MakeCell) -> None:
    """Rows of different lengths, also empty ones, from different pasts."""
    loaded = loaded_of(tokenizer, cell)
    starts = [loaded.read([line]) for line in LINES[:4]]
    alone = [loaded.read([text], past=past) for text, past in zip(TEXTS, starts, strict=True)]
    together = loaded.read(TEXTS, past=Past.batch(starts))
    assert len(together) == 4
    assert_equal(together, Past.batch(alone))
    for row, past in enumerate(alone):
        assert_equal(together.select([row]), past)


@pytest.mark.parametrize("span", [1, 3, 1024])
def test_reading_in_spans_equals_reading_at_once(
    loaded: LoadedLanguageModel, monkeypatch: pytest.MonkeyPatch, span: int
) -> None:
    whole = loaded.read(TEXTS)
    monkeypatch.setattr("seqlstm.inference.prefill.SPAN", span)
    assert_equal(loaded.read(TEXTS), whole)
    ids = loaded.tokenizer.encode_batch(TEXTS)
    scores, past = prefill_and_score(loaded.model, ids, loaded.past().branch(4), FLOAT32)
    assert_equal(past, whole)
    for row, (row_ids, text) in enumerate(zip(ids, TEXTS, strict=True)):
        (expected,) = loaded.score([text])
        assert scores[row, : len(row_ids)].tolist() == pytest.approx(
            expected.log_probabilities[:-1]
        )
        assert not scores[row, len(row_ids) :].any()


def test_branches_are_independent(loaded: LoadedLanguageModel) -> None:
    start = loaded.read(["Nobody"])
    before = [part.clone() for part in (start.token, *start.history)]
    branches = loaded.read(["sells", "sees", ""], past=start.branch(3))
    for row, text in enumerate(("Nobody sells", "Nobody sees", "Nobody")):
        assert loaded.tokenizer.decode(branches.history[row].tolist()) == text
    for row, text in enumerate(("sells", "sees", "")):
        assert_equal(branches.select([row]), loaded.read([text], past=start))
    log_probs = [score.log_probability for score in loaded.score(["a"] * 3, past=branches)]
    assert len(set(log_probs)) == 3
    for row, expected in enumerate(log_probs):
        (score,) = loaded.score(["a"], past=branches.select([row]))
        assert score.log_probability == pytest.approx(expected)
    assert all(
        torch.equal(first, other)
        for first, other in zip(before, (start.token, *start.history), strict=True)
    )


def test_lines_are_scored_after_a_past(loaded: LoadedLanguageModel) -> None:
    past = loaded.read(["My oldest friend"])
    ends = [" sells 42 tulips.", "", " counts nothing."]
    for end, score in zip(ends, loaded.score(ends, past=past), strict=True):
        ids = [*loaded.tokenizer.encode(end), loaded.end]
        expected, _ = prefill_and_score(loaded.model, [ids], past, FLOAT32)
        assert score.log_probabilities == pytest.approx(expected[0].tolist())
    fresh = loaded.score(ends)
    assert fresh[0].log_probability != pytest.approx(
        loaded.score(ends, past=past)[0].log_probability
    )


def test_a_session_goes_back_to_its_past(loaded: LoadedLanguageModel) -> None:
    session = loaded.session()
    session.read("Nobody")
    earlier = session.past
    first = "".join(session.stream(max_new_tokens=20, seed=1))
    session.past = earlier
    assert "".join(session.stream(max_new_tokens=20, seed=1)) == first
    assert_equal(earlier, loaded.read(["Nobody"]))


def test_the_history_is_bounded(loaded: LoadedLanguageModel) -> None:
    past = loaded.read(["Nobody\n" * MAX_HISTORY])
    assert len(past.history[0]) == MAX_HISTORY
    assert past.history[0][-1] == past.token


class TestOfAnotherRun:
    def test_with_other_weights(
        self, loaded: LoadedLanguageModel, tokenizer: Tokenizer, tmp_path: Path
    ) -> None:
        other = loaded_of(tokenizer, seed=5)
        loaded.read(["a"]).save(tmp_path / "a")
        mine, yours = loaded.origin.weights, other.origin.weights
        with pytest.raises(RunError, match=f"of another run: weights {mine}, not {yours}"):
            other.restore(tmp_path / "a")
        with pytest.raises(ArgumentError, match="of another run: weights"):
            other.session(loaded.past())
        with pytest.raises(ArgumentError, match="of another run: weights"):
            other.read(["a"], past=loaded.past())
        with pytest.raises(ArgumentError, match="of another run: weights"):
            Past.batch([loaded.past(), other.past()])

    def test_with_another_tokenizer(self, loaded: LoadedLanguageModel, tmp_path: Path) -> None:
        past = loaded.past()
        changed = past.origin._replace(tokenizer="0123456789ab")
        past.save(tmp_path / "a")
        with pytest.raises(RunError, match=r"tokenizer .*, not 0123456789ab"):
            Past.load(tmp_path / "a", like=Past(past.state, past.token, past.history, changed))


class TestFiles:
    def test_weights_are_no_past(self, loaded: LoadedLanguageModel, tmp_path: Path) -> None:
        safetensors.torch.save_file({"token": torch.zeros(1)}, tmp_path / "weights")
        with pytest.raises(RunError, match="holds no past"):
            loaded.restore(tmp_path / "weights")

    def test_missing_or_cut(self, loaded: LoadedLanguageModel, tmp_path: Path) -> None:
        with pytest.raises(RunError, match="is missing"):
            loaded.restore(tmp_path / "none")
        file = tmp_path / "a"
        loaded.past().save(file)
        file.write_bytes(file.read_bytes()[:-5])
        with pytest.raises(RunError, match="is damaged"):
            loaded.restore(file)

    @pytest.mark.parametrize("name", ["state.0", "history.0", "token"])
    def test_a_state_tensor_of_another_shape(
        self, loaded: LoadedLanguageModel, tmp_path: Path, name: str
    ) -> None:
        file = tmp_path / "a"
        loaded.past().save(file)
        tensors: dict[str, Tensor] = safetensors.torch.load_file(file)
        with safetensors.safe_open(file, "pt") as opened:  # type: ignore[no-untyped-call]
            header = json.loads(opened.metadata()["past"])
        del header["digest"]  # as in files of older versions, which are read
        note = {"past": json.dumps(header)}
        safetensors.torch.save_file(tensors, file, note)
        loaded.restore(file)
        del tensors[name]
        safetensors.torch.save_file(tensors, file, note)
        with pytest.raises(RunError, match=f"is damaged: '{name}' does not fit"):
            loaded.restore(file)
        tensors[name] = torch.zeros(7, 7)
        if name == "state.0":
            safetensors.torch.save_file(tensors, file, note)
            with pytest.raises(RunError, match=r"a state of \(7, 7\) does not fit"):
                loaded.restore(file)

    def test_each_flipped_bit_is_found(self, loaded: LoadedLanguageModel, tmp_path: Path) -> None:
        file = tmp_path / "a"
        loaded.read(["a"]).save(file)
        whole = file.read_bytes()
        mark = whole.index(b"sha256:")
        for place in (*range(0, len(whole), 11), *range(mark - 12, mark + 80)):
            damaged = bytearray(whole)
            damaged[place] ^= 64
            file.write_bytes(damaged)
            with pytest.raises(RunError):
                loaded.restore(file)
        file.write_bytes(whole)
        assert_equal(loaded.restore(file), loaded.read(["a"]))

    def test_no_such_folder(self, loaded: LoadedLanguageModel, tmp_path: Path) -> None:
        with pytest.raises(RunError, match="there is no folder"):
            loaded.past().save(tmp_path / "none" / "a")


def test_invalid_arguments(loaded: LoadedLanguageModel) -> None:
    three = loaded.past().branch(3)
    with pytest.raises(ValueError, match="one text can be branched, not 3"):
        three.branch(2)
    with pytest.raises(ValueError, match="a session has one text, not 3"):
        loaded.session(three)
    with pytest.raises(ValueError, match="a past of 3 texts does not fit 2 rows"):
        loaded.read(["a", "b"], past=three)
    with pytest.raises(ValueError, match="were: none"):
        Past.batch([])
