"""The smallest text and models on which the laws of the upper floors can be tried."""

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

WHO = (
    ("The gardener", "Der Gärtner"),
    ("Nobody", "Niemand"),
    ("My oldest friend", "Mein ältester Freund"),
)
DOES = (
    ("sees", "sieht"),
    ("sells", "verkauft"),
    ("remembers", "erinnert sich an"),
    ("counts", "zählt"),
)
WHAT = (
    ("42 tulips.", "42 Tulpen."),
    ("nothing.", "nichts."),
    ("the green lantern behind the church.", "die grüne Laterne hinter der Kirche."),
)
PAIRS = [
    (f"{who[0]} {does[0]} {what[0]}", f"{who[1]} {does[1]} {what[1]}")
    for who, does, what in product(WHO, DOES, WHAT)
]
LINES = [source for source, _ in PAIRS]
DOCUMENTS = ["\n".join(LINES[start : start + 3]) for start in range(0, len(LINES), 3)]

FLOAT32 = Precision("float32", torch.device("cpu"), "as the test asks")
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
    """Two layers, as they are before training."""
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
    """One layer that reads the source in both directions, `layers` that write; untrained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stack = partial(Stack, cell, hidden_size=HIDDEN, dropout=dropout, weight_drop=weight_drop)
        table = TokenEmbedding(vocabulary, WIDTH, dropout=dropout)
        encoder = stack(input_size=WIDTH, num_layers=1, bidirectional=True)
        below = stack(input_size=BELOW[decoder], num_layers=1 if decoder == "parallel" else layers)
        parts: dict[str, Any] = {"attention": attention(HIDDEN, HIDDEN), "dropout": dropout}
        writers = list(below.layers)
        if decoder == "parallel":
            parts["rest"] = stack(input_size=HIDDEN, num_layers=layers - 1, context=HIDDEN)
            writers += parts["rest"].layers
        if bridge or decoder == "plain":
            parts["bridge"] = Bridge(encoder, writers)
        writer = DECODERS[decoder](below, parts)
        return Translator(
            source=table,
            target=table,
            encoder=encoder,
            decoder=writer,
            output_layer=OutputLayer(
                writer.output + (WIDTH if lexical else 0),
                vocabulary,
                tied_embedding=table.table,
            ),
            dropout=dropout,
            lexical=LexicalModule(WIDTH) if lexical else None,
        )


BELOW = {
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
    """In float64 and evaluation mode, random in every parameter."""
    model: LanguageModel = randomise(language_model(vocabulary, cell=cell).double(), seed=seed)
    return model.eval()


def random_translator(vocabulary: int, *, seed: int = 0, **options: Any) -> Translator:
    """In float64 and evaluation mode, random in every parameter."""
    model: Translator = randomise(translator(vocabulary, **options).double(), seed=seed)
    return model.eval()
