"""Attention maps: computed step by step, and independent of the batch."""

from __future__ import annotations

import pytest
import torch

from seqlstm.analysis.attention_maps import attention_map
from seqlstm.data.batching.collate import collate_pairs
from seqlstm.inference.scoring import TruncationWarning
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from tests.tiny import FLOAT32, LINES, PAIRS, random_translator


@pytest.fixture(scope="module")
def loaded(tokenizer: Tokenizer) -> LoadedTranslator:
    model = random_translator(tokenizer.vocab_size, seed=2)
    return LoadedTranslator(model, TokenizerPair.joint(tokenizer), precision=FLOAT32, beam_size=3)


def test_the_map_has_the_pieces_of_source_and_target(loaded: LoadedTranslator) -> None:
    tokenizer, (source, target) = loaded.tokenizers.target, PAIRS[4]
    attention = attention_map(loaded, source, tokenizer.encode(target))
    assert attention.source_pieces == [*tokenizer.pieces(tokenizer.encode(source)), "</s>"]
    assert attention.target_pieces == [*tokenizer.pieces(tokenizer.encode(target)), "</s>"]
    assert attention.weights.shape == (
        2,
        len(attention.target_pieces),
        len(attention.source_pieces),
    )
    assert torch.allclose(attention.weights.sum(-1), torch.ones(()))


@torch.inference_mode()
def test_a_row_has_the_attention_weights_of_its_prediction(loaded: LoadedTranslator) -> None:
    """Step by step: the query has read all pieces before the predicted one."""
    tokenizer, model = loaded.tokenizers.target, loaded.model
    source, target = (tokenizer.encode(side) for side in PAIRS[7])
    ids = torch.tensor([[*source, tokenizer.end]])
    (memory, _), _ = model.encode(ids, torch.tensor([ids.shape[1]]))
    first, attention = model.decoder.first, model.decoder.attention
    state, rows = first.initial_state(1), []
    for token in [tokenizer.begin, *target]:
        query, state = first(model.target(torch.tensor([[token]])), state)
        rows.append(attention.weights(query.transpose(0, 1), memory)[0, :, 0])
    attention = attention_map(loaded, PAIRS[7][0], target)
    assert torch.allclose(attention.weights, torch.stack(rows, dim=1).float(), atol=1e-5)
    assert attention.weights.std(1).max() > 1e-3  # rows differ


@torch.inference_mode()
def test_a_batch_does_not_change_the_weights(loaded: LoadedTranslator) -> None:
    tokenizer = loaded.tokenizers.target
    sources, targets = (tokenizer.encode_batch(side) for side in zip(*PAIRS[:5], strict=True))
    weights = loaded.model.attention_weights(collate_pairs(sources, targets, loaded.tokenizers))
    assert weights.shape[0] == 5
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        attention = attention_map(loaded, PAIRS[row][0], target).weights
        padded = weights[row, :, : len(target) + 1, : len(source) + 1].float()
        assert torch.allclose(attention, padded, atol=1e-5)


def test_an_empty_translation(loaded: LoadedTranslator) -> None:
    attention = attention_map(loaded, LINES[0], [])
    assert attention.target_pieces == ["</s>"]
    assert attention.weights.shape[1] == 1


def test_a_long_source_is_truncated_with_a_warning(loaded: LoadedTranslator) -> None:
    short = LoadedTranslator(loaded.model, loaded.tokenizers, precision=FLOAT32, max_input_length=4)
    with pytest.warns(TruncationWarning, match="truncated 1 line of more than 4 pieces"):
        attention = attention_map(short, LINES[0], [])
    assert len(attention.source_pieces) == attention.weights.shape[2] == 5
