"""Lossless tokenization with SentencePiece: text to ids and back.

A text is encoded line by line, and a newline is a piece by itself. A space is added at the start of
every line (`▁the`), so that a word has the same id at the start and inside of a line; a model of
characters adds no space. SentencePiece writes a space as `▁`; a `▁` in the text itself is escaped
before encoding and restored after decoding.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache, partial
from itertools import chain, islice
from pathlib import Path

import sentencepiece

from seqlstm.errors import FileError, TokenizerError
from seqlstm.text.escaping import LINE_START, SPACE, WORD, escape, restore
from seqlstm.text.line_sampler import LineSampler, any_overlap, build_sampler
from seqlstm.text.model_type import read_model_type, read_user_defined
from seqlstm.text.subword_regularization import Uniform

BEST_ONLY = 1e6
"""The exponent of unigram sampling from which all but the best segmentation have no probability."""


class Tokenizer:
    """A SentencePiece model.

    With normalization `identity` and byte fallback (the defaults of `train_tokenizer`),
    `decode(encode(text)) == text` for every Unicode text. Without byte fallback, text outside the
    vocabulary becomes the unknown id and is decoded as `⁇`; in a closed vocabulary with a word
    `<unk>`, it becomes that word.

    Attributes:
        model: the serialized model.
        model_type: unigram, bpe, word or char.
        vocab_size: number of ids.
        pad, unknown, begin, end: the special ids. In a model without a padding id, `pad` is the
            unknown id; padding has no effect on any result.
        newline: the id of a newline; None if the model has no such piece.
        closed_vocabulary: whether the pieces are words only, without bytes for other words.
        fingerprint: the first 12 hexadecimal digits of the model's SHA-256.

    Args:
        model: a serialized SentencePiece model, from `train_tokenizer` or from elsewhere.

    Raises:
        TokenizerError: not a SentencePiece model, or a model without begin or end id.
    """

    def __init__(self, model: bytes) -> None:
        processor = sentencepiece.SentencePieceProcessor()
        try:
            processor.LoadFromSerializedProto(model)
            self.vocab_size: int = processor.get_piece_size()
        except RuntimeError as error:
            raise TokenizerError("not a SentencePiece model") from error
        if not self.vocab_size:
            raise TokenizerError("not a SentencePiece model: it has no pieces")
        self.model = model
        self.fingerprint = self.fingerprint_of(model)
        self.model_type = read_model_type(model)
        self._processor = processor
        self._set_special_ids()
        self._pieces: list[str] = [processor.id_to_piece(id) for id in range(self.vocab_size)]
        self._surfaces = [self._surface(id) for id in range(self.vocab_size)]
        self._bytes = {
            self._surfaces[id]: id for id in range(self.vocab_size) if processor.is_byte(id)
        }
        newline = processor.piece_to_id("\n")
        self.newline = self._bytes.get(b"\n") if newline == self.unknown else newline
        self.closed_vocabulary = self.model_type == "word" and not self._bytes
        unk: int = processor.piece_to_id(f"{SPACE}<unk>")  # the unknown id if there is no such word
        self._out_of_vocabulary = unk if self.closed_vocabulary else self.unknown
        self._adds_prefix_space: bool = processor.normalize("a").startswith(SPACE)
        self._sampler = lru_cache(2)(self._build_sampler)

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Reads a `.model` file.

        Raises:
            TokenizerError: the file cannot be read, or is not a usable model.
        """
        return cls.parse(cls.read(path), path)

    @staticmethod
    def read(path: str | Path) -> bytes:
        """The contents of a `.model` file.

        Raises:
            TokenizerError: the file cannot be read.
        """
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise TokenizerError(f"{path}: cannot be read ({error.strerror})") from error

    @classmethod
    def parse(cls, model: bytes, path: str | Path) -> Tokenizer:
        """The tokenizer in the contents of a file, which errors name.

        Raises:
            TokenizerError: it is not a usable model.
        """
        try:
            return cls(model)
        except TokenizerError as error:
            raise TokenizerError(f"{path}: {error.message}", hint=error.hint) from error
        except UnicodeDecodeError as error:
            raise TokenizerError(f"{path}: damaged: a piece is not UTF-8") from error

    @staticmethod
    def fingerprint_of(model: bytes) -> str:
        """The fingerprint of a model: the first twelve hexadecimal digits of its SHA-256."""
        return hashlib.sha256(model).hexdigest()[:12]

    def save(self, path: str | Path) -> None:
        """Write the model to `path` atomically.

        Raises:
            TokenizerError: the file cannot be written.
        """
        from seqlstm.runtime.files import write_atomically  # late: it imports torch

        try:
            write_atomically(Path(path), self.model)
        except FileError as error:
            raise TokenizerError(error.message, hint=error.hint) from error

    @cached_property
    def symbols(self) -> dict[str, int]:
        """The ids of the user-defined symbols, which are never split, without the newline's.

        They are written as pieces are: with `▁` for a space.
        """
        newline = {self.newline}
        ids = {piece: self._processor.piece_to_id(piece) for piece in read_user_defined(self.model)}
        return {piece: id for piece, id in ids.items() if id not in newline}

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, without begin and end.

        Raises:
            TokenizerError: `text` has a lone surrogate, which no Unicode encoding can express.
        """
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of each text, on all cores."""
        return self._by_line(texts, self._encode_lines)

    def sample(self, texts: Sequence[str], *, alpha: float, seed: int) -> list[list[int]]:
        """Ids of randomly segmented texts (subword regularization).

        The same arguments return the same ids, in any process and after any other calls.

        Args:
            texts: as for `encode_batch`.
            alpha: unigram: the exponent of a segmentation's probability (Kudo, 2018): 0 makes all
                segmentations equally likely, a large one returns the best. bpe: the probability of
                dropping a merge (Provilkov, Emelianenko & Voita, 2020), from 0 (`encode`) to 1
                (characters).
            seed: any integer.

        Raises:
            TokenizerError: the model is neither unigram nor bpe; or as `encode`.
        """
        uniform = random.Random(seed).random
        return self._by_line(texts, partial(self._sample_lines, alpha=alpha, uniform=uniform))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids` without special ids. Invalid UTF-8 bytes become U+FFFD."""
        return self.restore(b"".join(map(self.surface, ids)).decode("utf-8", "replace"))

    def decode_batch(self, batch: Iterable[Iterable[int]]) -> list[str]:
        """`decode` of each."""
        return [self.decode(ids) for ids in batch]

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The piece of each id, such as `▁the`, `<0x0A>` or `</s>`."""
        return [self._pieces[id] for id in ids]

    def surface(self, id: int) -> bytes:
        """The UTF-8 bytes that `id` adds to a text, before `restore`."""
        return self._surfaces[id]

    def restore(self, raw: str, *, previous: str = LINE_START) -> str:
        """The text of pieces: removes the space at line starts, restores spaces and escapes.

        Args:
            raw: joined surfaces, decoded as UTF-8; not cut inside an escape.
            previous: the raw character before `raw`.
        """
        return restore(raw, previous=previous if self._adds_prefix_space else None)

    def __reduce__(self) -> tuple[type[Tokenizer], tuple[bytes]]:
        return Tokenizer, (self.model,)

    def _set_special_ids(self) -> None:
        self.unknown: int = self._processor.unk_id()
        self.begin: int = self._processor.bos_id()
        self.end: int = self._processor.eos_id()
        if self.begin < 0 or self.end < 0:
            missing = "begin (<s>)" if self.begin < 0 else "end (</s>)"
            raise TokenizerError(
                f"this SentencePiece model has no {missing} id",
                hint="Train one that has: spm_train --pad_id=0 --unk_id=1 --bos_id=2 --eos_id=3, "
                "or let the run train its own: [tokenizer] model_type and vocab_size, no file.",
            )
        pad: int = self._processor.pad_id()
        self.pad = self.unknown if pad < 0 else pad

    def _surface(self, id: int) -> bytes:
        if self._processor.is_control(id):
            return b""
        if self._processor.is_byte(id):
            return bytes([int(self._pieces[id][1:-1], 16)])
        if id == self.unknown:
            return str(self._processor.decode([id])).replace(" ", SPACE).encode()
        return self._pieces[id].encode()

    def _by_line(
        self, texts: Sequence[str], encode: Callable[[list[str]], Iterable[list[int]]]
    ) -> list[list[int]]:
        """Split texts into lines, encode the lines, and join them with the newline's id."""
        if not texts:  # SentencePiece would start threads
            return []
        if self.newline is None:
            return list(encode([escape(text) for text in texts]))
        split = [escape(text).split("\n") for text in texts]
        encoded = iter(encode(list(chain.from_iterable(split))))
        return [self._join(islice(encoded, len(lines))) for lines in split]

    def _join(self, lines: Iterator[list[int]]) -> list[int]:
        ids = next(lines)
        for line in lines:
            ids.append(self.newline)  # type: ignore[arg-type]  # not None here: see `_by_line`
            ids += line
        return ids

    def _encode_lines(self, lines: list[str]) -> list[list[int]]:
        if self.closed_vocabulary:
            # SentencePiece joins neighbouring unknown words into one id; perplexity counts words.
            normalized = (self._processor.normalize(line) for line in lines)
            word_ids = [self._processor.piece_to_id(WORD.findall(line)) for line in normalized]
            unknown, replacement = self.unknown, self._out_of_vocabulary
            return [[replacement if id == unknown else id for id in ids] for ids in word_ids]
        if self._symbols_overlap:
            return self._sample_lines(lines, BEST_ONLY, lambda: 0.0)
        encoded: list[list[int]] = self._processor.encode(lines)
        return encoded

    @cached_property
    def _symbols_overlap(self) -> bool:
        """Whether SentencePiece may encode a symbol as shorter ones; only unigram does."""
        return self.model_type == "unigram" and any_overlap(self.symbols)

    def _sample_lines(self, lines: list[str], alpha: float, uniform: Uniform) -> list[list[int]]:
        sample_line = self._sampler(alpha)
        sampled = [sample_line(self._processor.normalize(line), uniform) for line in lines]
        return sampled if self._bytes else [self._merge_unknown(ids) for ids in sampled]

    def _build_sampler(self, alpha: float) -> LineSampler:
        return build_sampler(
            self._processor, self.model_type, self.symbols, alpha=alpha, spell=self._spell
        )

    def _spell(self, character: str) -> list[int]:
        if not self._bytes:
            return [self.unknown]
        return [self._bytes[bytes([byte])] for byte in character.encode()]

    def _merge_unknown(self, ids: Iterable[int]) -> list[int]:
        """Merge neighbouring unknown ids into one, as `encode` does."""
        merged: list[int] = []
        for id in ids:
            if id != self.unknown or merged[-1:] != [id]:
                merged.append(id)
        return merged
