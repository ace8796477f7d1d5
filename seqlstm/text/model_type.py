"""What SentencePiece has no call for: a model's type, and its user-defined symbols."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

ModelType = Literal["unigram", "bpe", "char", "word"]
Normalization = Literal["identity", "nfkc", "nfkc_cf", "nmt_nfkc", "nmt_nfkc_cf"]
SPECIAL_IDS = 5  # of a model that we train: padding, unknown, begin, end, newline
BYTES = 256
SUBWORD_TYPES = ("unigram", "bpe")  # those whose segmentation can be sampled
MODEL_TYPES: dict[int, ModelType] = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}
PIECES, TRAINER_SPEC, MODEL_TYPE = 1, 2, 3  # Field numbers of ModelProto and TrainerSpec.
PIECE, PIECE_TYPE, USER_DEFINED = 1, 3, 4  # Field numbers and a type of SentencePiece.


def read_model_type(model: bytes) -> ModelType:
    """unigram, bpe, word or char; unigram, SentencePiece's default, if the field is missing."""
    spec = dict(_fields(model)).get(TRAINER_SPEC, b"")
    assert isinstance(spec, bytes)
    model_type = dict(_fields(spec)).get(MODEL_TYPE, 1)
    assert isinstance(model_type, int)
    return MODEL_TYPES[model_type]


def read_user_defined(model: bytes) -> list[str]:
    """The user-defined symbols of a model, as its pieces, in the order of their ids."""
    pieces = (dict(_fields(piece)) for number, piece in _fields(model) if number == PIECES)  # type: ignore[arg-type]
    return [
        piece[PIECE].decode()  # type: ignore[union-attr]
        for piece in pieces
        if piece.get(PIECE_TYPE) == USER_DEFINED
    ]


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer message: (number, value), with floats as bytes."""
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            value |= (byte & 127) << shift
            position, shift = position + 1, shift + 7
            if byte < 128:
                return value

    while position < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            length = {1: 8, 5: 4}.get(key & 7) or varint()
            yield key >> 3, message[position : position + length]
            position += length
