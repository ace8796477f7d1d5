"""Tiny texts and models for the tests of all rooms above the cells."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor

from seqlstm.models.attention import Attention, GeneralAttention
from seqlstm.models.batch import Batch
from seqlstm.models.decoders.bahdanau import BahdanauDecoder
from seqlstm.models.decoders.base import Decoder
from seqlstm.models.decoders.bridge import Bridge
from seqlstm.models.decoders.input_feeding import InputFeedingDecoder
from seqlstm.models.decoders.no_attention import NoAttentionDecoder
from seqlstm.models.decoders.parallel import ParallelDecoder
from seqlstm.models.embedding import TokenEmbedding
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.lexical import LexicalModule
from seqlstm.models.output.softmax import OutputLayer
from seqlstm.models.translator import Translator
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.stack import Stack
from seqlstm.recurrent.state import State
from seqlstm.runtime.device import Precision
from seqlstm.training.objectives.cross_entropy import CrossEntropy
from tests.recurrent.cases import randomise

SUBJECTS = (
    ("The gardener", "Der Gärtner"),
    ("Nobody", "Niemand"),
    ("My oldest friend", "Mein ältester Freund"),
)
VERBS = (
    ("sees", "sieht"),
    ("sells", "verkauft"),
    ("remembers", "erinnert sich an"),
    ("counts", "zählt"),
)
OBJECTS = (
    ("42 tulips.", "42 Tulpen."),
    ("nothing.", "nichts."),
    ("the green lantern behind the church.", "die grüne Laterne hinter der Kirche."),
)
PAIRS = [
    (f"{subject[0]} {verb[0]} {object[0]}", f"{subject[1]} {verb[1]} {object[1]}")
    for subject, verb, object in product(SUBJECTS, VERBS, OBJECTS)
]
LINES = [source for source, _ in PAIRS]
DOCUMENTS = ["\n".join(LINES[start : start + 3]) for start in range(0, len(LINES), 3)]

FLOAT32 = Precision("float32", torch.device("cpu"), "for tests")
WIDTH, HIDDEN = 6, 8

MakeCell = Callable[[int, int], Cell]
MakeAttention = Callable[[int, int], Attention]


def language_model(
    vocabulary: int,
    *,
    cell: MakeCell = LSTM,
    dropout: float = 0.0,
    weight_drop: float = 0.0,
    seed: int = 0,
) -> LanguageModel:
    """A language model of two layers, initialized but not trained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        embedding = TokenEmbedding(vocabulary, WIDTH, dropout=dropout)
        return LanguageModel(
            embedding=embedding,
            stack=Stack(
                cell,
                input_size=WIDTH,
                hidden_size=HIDDEN,
                num_layers=2,
                dropout=dropout,
                weight_drop=weight_drop,
            ),
            output_layer=OutputLayer(HIDDEN, vocabulary, tied_embedding=embedding.table),
            dropout=dropout,
        )


def two_heads(query_size: int, memory_size: int) -> Attention:
    return GeneralAttention(query_size, memory_size, heads=2)


def translator(
    vocabulary: int,
    *,
    cell: MakeCell = LSTM,
    layers: int = 2,
    decoder: str = "parallel",
    attention: MakeAttention = two_heads,
    bridge: bool = False,
    lexical: bool = False,
    dropout: float = 0.0,
    weight_drop: float = 0.0,
    seed: int = 0,
) -> Translator:
    """A translator, not trained: a bidirectional encoder layer, and `layers` in the decoder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stack = partial(Stack, cell, hidden_size=HIDDEN, dropout=dropout, weight_drop=weight_drop)
        embedding = TokenEmbedding(vocabulary, WIDTH, dropout=dropout)
        encoder = stack(input_size=WIDTH, num_layers=1, bidirectional=True)
        first_layers = 1 if decoder == "parallel" else layers
        first = stack(input_size=DECODER_INPUT[decoder], num_layers=first_layers)
        parts: dict[str, Any] = {"attention": attention(HIDDEN, HIDDEN), "dropout": dropout}
        decoder_layers = list(first.layers)
        if decoder == "parallel":
            parts["rest"] = stack(input_size=HIDDEN, num_layers=layers - 1, context=HIDDEN)
            decoder_layers += parts["rest"].layers
        if bridge or decoder == "plain":
            parts["bridge"] = Bridge(encoder, decoder_layers)
        decoder_module = DECODERS[decoder](first, parts)
        return Translator(
            source=embedding,
            target=embedding,
            encoder=encoder,
            decoder=decoder_module,
            output_layer=OutputLayer(
                decoder_module.output + (WIDTH if lexical else 0),
                vocabulary,
                tied_embedding=embedding.table,
            ),
            dropout=dropout,
            lexical=LexicalModule(WIDTH) if lexical else None,
        )


DECODER_INPUT = {
    "parallel": WIDTH,
    "input-feeding": WIDTH + HIDDEN,
    "bahdanau": WIDTH + HIDDEN,
    "plain": WIDTH,
}
DECODERS: dict[str, Callable[[Stack, dict[str, Any]], Decoder]] = {
    "parallel": lambda stack, parts: ParallelDecoder(first=stack, **parts),
    "input-feeding": lambda stack, parts: InputFeedingDecoder(stack=stack, **parts),
    "bahdanau": lambda stack, parts: BahdanauDecoder(stack=stack, embedding_dim=WIDTH, **parts),
    "plain": lambda stack, parts: NoAttentionDecoder(stack=stack, bridge=parts["bridge"]),
}


def loss_of(
    model: LanguageModel | Translator,
    batch: Batch,
    state: State | None = None,
    **options: Any,
) -> tuple[Tensor, int, State | None]:
    """The summed cross-entropy of a batch, the number of its tokens and the state after it."""
    return CrossEntropy(**options)(model, batch, state)


def random_language_model(
    vocabulary: int, *, cell: MakeCell = LSTM, seed: int = 0
) -> LanguageModel:
    """The same in float64 and evaluation mode, with all parameters random (biases too)."""
    model: LanguageModel = randomise(language_model(vocabulary, cell=cell).double(), seed=seed)
    return model.eval()


def random_translator(vocabulary: int, *, seed: int = 0, **options: Any) -> Translator:
    """The same in float64 and evaluation mode, with all parameters random (biases too)."""
    model: Translator = randomise(translator(vocabulary, **options).double(), seed=seed)
    return model.eval()
