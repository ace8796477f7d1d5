"""Tokenization is lossless; invalid models and texts raise clear errors."""

from __future__ import annotations

import pickle
import random
from contextlib import suppress
from pathlib import Path

import pytest
import sentencepiece

from seqlstm.errors import TokenizerError
from seqlstm.text.escaping import ESCAPE
from seqlstm.text.tokenizer import Tokenizer

from .conftest import SENTENCES

TEXTS = [
    "",
    " ",
    "   ",
    " the lantern",
    "the lantern  ",
    "  a   b  ",
    "\t",
    "a\tb \t c",
    "\n",
    "\n\n",
    " \n \n",
    "\nthe lantern\n",
    "the\n lantern \n\nin the evening\n",
    "\r\n",
    "the lantern\r\nagain\r\n",
    "a\u2028b\u2029c\x85d\x0be\x0cf",
    "▁",
    "▁the▁▁lantern ▁",
    "\n▁\n",
    ESCAPE,
    f"{ESCAPE}_{ESCAPE}={ESCAPE}▁=_▁{ESCAPE}",
    "▅ and \0 and \x01",
    "\ufeffbyte order mark \ufffd \ufffe \uffff",
    "👩‍👩‍👧‍👦 🇨🇭 e\u0301\u0327 Zu\u0308rich",
    "日本語 العربية ไทย 𝔘𝔫𝔦",
    "<s>the</s> <unk> <unknown> <pad> <0x41><0x0A> ⁇",
    "\u00a0\u3000\u200b\u00ad",
]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_decode_of_encode_is_the_text(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert not {tokenizer.pad, tokenizer.unknown, tokenizer.begin, tokenizer.end} & set(ids)


def test_every_character_survives(tokenizer: Tokenizer) -> None:
    surrogates = range(0xD800, 0xE000)
    everything = [chr(code) for code in range(0x110000) if code not in surrogates]
    texts = ["".join(everything[place::128]) for place in range(128)]
    assert tokenizer.decode_batch(tokenizer.encode_batch(texts)) == texts


def test_any_mixture_survives(tokenizer: Tokenizer) -> None:
    generator = random.Random(1)
    fragments = ["▁", " ", "\n", ESCAPE, "_", "=", "the", "Ü", "\r", "😀", "<s>", "\0", "42"]
    texts = ["".join(generator.choices(fragments, k=generator.randrange(12))) for _ in range(2000)]
    assert tokenizer.decode_batch(tokenizer.encode_batch(texts)) == texts


def test_batch_is_one_by_one(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode_batch(TEXTS) == [tokenizer.encode(text) for text in TEXTS]


def test_a_line_has_the_same_ids_at_any_position(tokenizer: Tokenizer) -> None:
    lines = ["the lantern", "", " 42 tulips", "in the evening;"]
    joined: list[int] = []
    for line in lines:
        assert tokenizer.newline is not None
        joined += [*tokenizer.encode(line), tokenizer.newline]
    assert tokenizer.encode("\n".join([*lines, ""])) == joined


def test_special_ids(tokenizer: Tokenizer) -> None:
    assert (tokenizer.pad, tokenizer.unknown, tokenizer.begin, tokenizer.end) == (0, 1, 2, 3)
    assert tokenizer.newline == 4
    assert tokenizer.pieces(range(5)) == ["<pad>", "<unknown>", "<s>", "</s>", "\n"]


def test_special_ids_are_left_out_of_the_text(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("in the evening")
    around = [tokenizer.begin, tokenizer.pad, *ids, tokenizer.end, tokenizer.pad]
    assert tokenizer.decode(around) == "in the evening"


def test_broken_bytes_become_replacement_characters(tokenizer: Tokenizer) -> None:
    euro = tokenizer.encode("€")[-3:]
    assert tokenizer.pieces(euro) == ["<0xE2>", "<0x82>", "<0xAC>"]
    assert tokenizer.decode(euro) == "€"
    assert tokenizer.decode([*euro[:2], tokenizer.newline or 0, euro[2]]) == "\ufffd\n\ufffd"


def test_pieces_spell_the_text(tokenizers: dict[str, Tokenizer]) -> None:
    for kind, expected in {"word": ["▁is", "▁counting"], "char": list("is▁counting")}.items():
        tokenizer = tokenizers[kind]
        assert tokenizer.pieces(tokenizer.encode("is counting")) == expected


def test_a_literal_unk_is_an_ordinary_word(tokenizers: dict[str, Tokenizer]) -> None:
    word = tokenizers["word"]
    assert word.pieces(word.encode("sells <unk> again")[:2]) == ["▁sells", "▁<unk>"]


def test_lone_surrogate(tokenizer: Tokenizer) -> None:
    with pytest.raises(TokenizerError, match=r"lone surrogate, U\+D83D, at character 6"):
        tokenizer.encode("smile\ud83d")


def test_kind_and_vocabulary(tokenizers: dict[str, Tokenizer]) -> None:
    assert {
        kind: tokenizer_of_type.model_type for kind, tokenizer_of_type in tokenizers.items()
    } == {k: k for k in tokenizers}
    assert tokenizers["unigram"].vocab_size == tokenizers["bpe"].vocab_size == 330
    assert tokenizers["char"].vocab_size < 330


def test_a_model_that_cannot_be_saved_has_no_resume(
    tokenizers: dict[str, Tokenizer], tmp_path: Path
) -> None:
    tokenizer = next(iter(tokenizers.values()))
    with pytest.raises(TokenizerError, match="could not be written: No such file") as caught:
        tokenizer.save(tmp_path / "nowhere" / "x.model")
    assert caught.value.hint == "Make the folder first, or name another one."


def test_a_model_with_flipped_bits_is_a_model_or_an_error(
    tokenizers: dict[str, Tokenizer], tmp_path: Path
) -> None:
    model = next(iter(tokenizers.values())).model
    for place in range(0, len(model), max(1, len(model) // 200)):
        damaged = bytearray(model)
        damaged[place] ^= 128
        (tmp_path / "x.model").write_bytes(damaged)
        with suppress(TokenizerError):
            Tokenizer.load(tmp_path / "x.model")


def test_save_and_load(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "text.model"
    tokenizer.save(path)
    tokenizer.save(path)
    loaded = Tokenizer.load(path)
    assert [file.name for file in tmp_path.iterdir()] == ["text.model"]
    assert loaded.model == tokenizer.model == path.read_bytes()
    assert loaded.fingerprint == tokenizer.fingerprint
    assert len(loaded.fingerprint) == 12
    assert pickle.loads(pickle.dumps(loaded)).encode("42 tulips") == tokenizer.encode("42 tulips")


def test_load_an_invalid_model(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"missing\.model: cannot be read"):
        Tokenizer.load(tmp_path / "missing.model")
    for content in (b"", b"plain text, not a model\n", b"\x0a\x03abc"):
        path = tmp_path / "foreign.model"
        path.write_bytes(content)
        with pytest.raises(TokenizerError, match=r"foreign\.model: not a SentencePiece model"):
            Tokenizer.load(path)


def foreign(tmp_path: Path, **options: object) -> Tokenizer:
    """A model trained with the defaults of SentencePiece, which differ from ours."""
    prefix = tmp_path / "foreign"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_prefix=str(prefix),
        minloglevel=2,
        **options,
    )
    return Tokenizer.load(prefix.with_suffix(".model"))


def test_foreign_model(tmp_path: Path) -> None:
    tokenizer = foreign(tmp_path, vocab_size=70, model_type="bpe")
    assert (tokenizer.unknown, tokenizer.begin, tokenizer.end, tokenizer.pad) == (0, 1, 2, 0)
    assert tokenizer.newline is None
    assert tokenizer.decode(tokenizer.encode("the  evening ")) == "the evening"
    assert tokenizer.decode(tokenizer.encode("at 日本 all")) == "at  ⁇  all"
    assert tokenizer.decode(tokenizer.sample(["in at 日本"], alpha=0.5, seed=1)[0]) == "in at  ⁇ "


def test_foreign_model_without_prefix_keeps_spaces(tmp_path: Path) -> None:
    tokenizer = foreign(
        tmp_path,
        vocab_size=330,
        byte_fallback=True,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
    )
    for text in (" the evening\n  in\n", "the ▁", ""):
        assert tokenizer.decode(tokenizer.encode(text)) == text
        assert tokenizer.decode(tokenizer.sample([text], alpha=0.2, seed=3)[0]) == text


def test_foreign_model_with_pieces_across_words(tmp_path: Path) -> None:
    tokenizer = foreign(tmp_path, vocab_size=200, model_type="bpe", split_by_whitespace=False)
    assert any("▁" in piece.lstrip("▁") for piece in tokenizer.pieces(range(200)))
    text = "the lantern in the evening"
    samples = [tokenizer.sample([text], alpha=0.1, seed=seed)[0] for seed in range(20)]
    assert {tokenizer.decode(ids) for ids in samples} == {text}
    assert any("▁" in piece.lstrip("▁") for ids in samples for piece in tokenizer.pieces(ids))


@pytest.mark.parametrize("missing", ["bos_id", "eos_id"])
def test_foreign_model_without_begin_or_end(tmp_path: Path, missing: str) -> None:
    name = "begin" if missing == "bos_id" else "end"
    with pytest.raises(TokenizerError, match=rf"no {name} .*(?s:.*)spm_train --pad_id=0"):
        foreign(tmp_path, vocab_size=70, **{missing: -1})


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str], tokenizer: Tokenizer) -> None:
    tokenizer.encode_batch(TEXTS)
    assert capfd.readouterr() == ("", "")
