"""The laws of the translator, for every decoder with every attention."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from seqlstm.models.attention import GeneralAttention
from seqlstm.models.batch import Batch
from seqlstm.models.decoders.parallel import ParallelDecoder
from seqlstm.models.translator import Translator
from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.state import State, leaves, select
from tests.models.cases import (
    LENGTHS,
    ROWS,
    SOURCE_LENGTHS,
    TIME,
    cell_of,
    every_text_cell,
    gradients,
    ids,
    other_padding,
    pair_batch,
    rows_of,
    step_by_step,
)
from tests.models.writers import (
    STEPWISE,
    Writer,
    every_attentive_writer,
    every_decoder,
    every_writer,
)
from tests.recurrent.cases import Case, assert_same
from tests.tiny import HIDDEN, loss_of

every_variational = pytest.mark.parametrize("variational", [True, False])
REAL = torch.arange(TIME) < torch.tensor(LENGTHS).unsqueeze(1)


def memory_of(model: Translator, batch: Batch) -> State:
    assert batch.source is not None
    assert batch.source_lengths is not None
    return model.encode(batch.source, batch.source_lengths)


def steps_of(model: Translator, batch: Batch) -> torch.Tensor:
    memory = memory_of(model, batch)
    return step_by_step(model, batch, model.start(memory), memory)[0].where(REAL, 0)


@every_writer
@pytest.mark.parametrize("layers", [1, 3])
def test_step_by_step_equals_full_forward(writer: Writer, layers: int) -> None:
    model, batch = writer.random(layers=layers), pair_batch()
    assert_same(steps_of(model, batch), model.log_probabilities(batch))


@every_text_cell
@pytest.mark.parametrize("bridge", [False, True])
@every_decoder
def test_every_cell_decodes(writer: Writer, bridge: bool, case: Case) -> None:
    writer, batch = replace(writer, bridge=bridge), pair_batch()
    if case.kind == "mlstm" and (bridge or writer.decoder == "plain"):
        with pytest.raises(ValueError, match=r"state \(C, n, m\) holds neither an h nor a c"):
            writer.random(cell=cell_of(case))
        return
    model = writer.random(cell=cell_of(case))
    assert_same(steps_of(model, batch), model.log_probabilities(batch), rtol=1e-6, atol=1e-8)
    if bridge or writer.decoder == "plain":
        assert model.decoder.bridge is not None
        loss = loss_of(model, batch)[0]
        result = torch.autograd.grad(loss, list(model.decoder.bridge.parameters()))
        assert all((gradient != 0).any() for gradient in result)


@every_writer
def test_padded_equals_alone(writer: Writer) -> None:
    model, batch = writer.random(), pair_batch()
    scores = model.log_probabilities(batch)
    losses = []
    for row, length in enumerate(LENGTHS):
        alone = rows_of(batch, row)
        assert_same(scores[row : row + 1, :length], model.log_probabilities(alone))
        assert (scores[row, length:] == 0).all()
        losses.append(loss_of(model, alone)[0])
    assert_same(loss_of(model, batch)[0], sum(losses))
    assert torch.equal(loss_of(model, batch)[0], loss_of(model, other_padding(batch))[0])


@every_writer
def test_rows_do_not_see_each_other(writer: Writer) -> None:
    model, batch, order = writer.random(), pair_batch(), (3, 0, 2, 1, 0)
    permuted = model.log_probabilities(rows_of(batch, *order))
    assert_same(permuted, model.log_probabilities(batch)[list(order)])


@every_writer
def test_every_real_source_id_is_read(writer: Writer) -> None:
    model, batch = writer.random(), pair_batch()
    assert batch.source is not None
    scores = model.log_probabilities(batch)
    for place in range(6):
        source = batch.source.clone()
        source[1, place] = (source[1, place] + 1) % 11
        changed = model.log_probabilities(replace(batch, source=source))
        assert (changed[1] - scores[1]).abs().max() > 1e-6
        assert torch.equal(changed[[0, 2, 3]], scores[[0, 2, 3]])


@every_writer
def test_beams_share_the_memory_of_their_sentence(writer: Writer) -> None:
    model, batch, beams = writer.random(), pair_batch(), 3
    memory, token = memory_of(model, batch), ids(ROWS * beams, seed=4)
    assert all(len(part) == ROWS for part in leaves(memory))
    sentence = torch.arange(ROWS).repeat_interleave(beams)
    _, state, _ = model.advance(ids(ROWS, seed=5), model.start(memory), memory)

    def step(token: Tensor, state: State, memory: State) -> State:
        logits, state, weights = model.advance(token, state, memory)
        return logits, state, () if weights is None else weights

    state = select(state, sentence)
    shared = step(token, state, memory)
    copied = step(token, state, select(memory, sentence))
    assert_same(shared, copied)
    stay = torch.tensor([2, 0])
    rows = torch.cat([sentence.eq(one).nonzero().squeeze(1) for one in stay])
    fewer = step(token[rows], select(state, rows), select(memory, stay))
    assert_same(fewer, select(shared, rows))


@every_writer
def test_gradients_reach_every_parameter(writer: Writer) -> None:
    model, batch = writer.random(), pair_batch()
    result = gradients(model, batch)
    for (name, _), gradient in zip(model.named_parameters(), result, strict=True):
        assert (gradient != 0).any(), name
    alone = [gradients(model, rows_of(batch, row)) for row in range(ROWS)]
    assert_same(
        result, tuple(sum(parts) for parts in zip(*alone, strict=True)), rtol=1e-8, atol=1e-9
    )


@every_writer
def test_runs_without_a_device(writer: Writer) -> None:
    meta = torch.device("meta")
    model = writer.untrained(dropout=0.5, weight_drop=0.5).to(meta).train()
    batch = pair_batch().to(meta)
    assert loss_of(model, batch)[0].is_meta
    memory = memory_of(model, batch)
    logits, *_ = model.advance(batch.inputs[:, 0], model.start(memory), memory)
    assert logits.is_meta


@every_writer
def test_bfloat16_comes_close(writer: Writer) -> None:
    model, batch = writer.untrained().eval(), pair_batch()
    with torch.autocast("cpu", torch.bfloat16):
        scores = model.log_probabilities(batch)
        steps = steps_of(model, batch).float()
    exact = model.log_probabilities(batch)
    assert_same((scores, steps), (exact, exact), rtol=0.03, atol=0.05)


@every_writer
def test_dropout_is_for_training(writer: Writer) -> None:
    model, plain = writer.untrained(dropout=0.5, weight_drop=0.5), writer.untrained()
    batch = pair_batch()
    assert torch.equal(loss_of(model.eval(), batch)[0], loss_of(plain, batch)[0])
    assert loss_of(model.train(), batch)[0] != loss_of(model, batch)[0]


@every_attentive_writer
def test_attention_weights(writer: Writer) -> None:
    """They sum to one, are zero at padding, and do not depend on the other rows."""
    model, batch = writer.random(), pair_batch()
    weights = model.attention_weights(batch)
    assert weights.shape == (ROWS, 2, TIME, max(SOURCE_LENGTHS))
    for row, (length, source) in enumerate(zip(LENGTHS, SOURCE_LENGTHS, strict=True)):
        assert (weights[row, :, :, source:] == 0).all()
        assert (weights[row, :, :length, :source] > 0).all()
        alone = model.attention_weights(rows_of(batch, row))
        assert_same(weights[row : row + 1, :, :length, :source], alone)
    assert_same(weights.sum(-1), torch.ones(ROWS, 2, TIME, dtype=torch.float64))


def test_a_decoder_without_attention_has_no_weights() -> None:
    with pytest.raises(ValueError, match="no attention"):
        Writer("plain").random().attention_weights(pair_batch())


def test_a_decoder_without_attention_has_no_lexical_module() -> None:
    with pytest.raises(ValueError, match="needs attention weights: this decoder has none"):
        Writer("plain", lexical=True).random()


def test_a_parallel_decoder_refuses_coverage() -> None:
    model = Writer("parallel").random()
    assert isinstance(model.decoder, ParallelDecoder)
    with pytest.raises(ValueError, match="coverage cannot take effect in a decoder that is para"):
        ParallelDecoder(
            first=model.decoder.first,
            attention=GeneralAttention(HIDDEN, HIDDEN, coverage=True),
            rest=model.decoder.rest,
        )


@pytest.mark.parametrize("decoder", STEPWISE)
def test_autoregressive_decoders_train_with_the_loop(decoder: str) -> None:
    stack, call = Writer(decoder).random().decoder.stacks()["decoder"]
    assert [str(choice).split(" ")[0] for choice in stack.choices(call)] == ["loop", "loop"]
    assert isinstance(stack.layers[0].cell, CELLS["lstm"])  # type: ignore[arg-type]


@every_variational
@pytest.mark.parametrize("decoder", STEPWISE)
def test_dropout_is_one_mask_for_all_steps_of_a_sequence(decoder: str, variational: bool) -> None:
    model, batch = Writer(decoder).untrained(dropout=0.5).train(), pair_batch()
    stack, _ = model.decoder.stacks()["decoder"]
    stack.dropouts[1].variational = variational
    seen: list[torch.Tensor] = []
    stack.layers[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0] == 0))
    for _ in range(2):
        loss_of(model, batch)
    # Not the first step: a row whose whole input is dropped is zero there anyway.
    first, second = torch.stack(seen[1:TIME]), torch.stack(seen[TIME + 1 :])
    assert first.any()
    assert (first == first[0]).all() == variational
    assert not torch.equal(first, second)
