"""Which kind a SentencePiece model is, read from its bytes: SentencePiece has no call for it."""

from __future__ import annotations

from collections.abc import Iterator

KINDS = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}
TRAINER_SPEC, MODEL_TYPE = 2, 3  # Field numbers of ModelProto and TrainerSpec.


def read_model_type(model: bytes) -> str:
    """unigram, bpe, word or char; unigram if the model does not say, as SentencePiece has it."""
    spec = dict(_fields(model)).get(TRAINER_SPEC, b"")
    assert isinstance(spec, bytes)
    kind = dict(_fields(spec)).get(MODEL_TYPE, 1)
    assert isinstance(kind, int)
    return KINDS[kind]


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer: (number, value); floats as their bytes."""
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            value |= (byte & 127) << shift
            place, shift = place + 1, shift + 7
            if byte < 128:
                return value

    while place < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            length = {1: 8, 5: 4}.get(key & 7) or varint()
            yield key >> 3, message[place : place + length]
            place += length
