"""The choice of a backend, and the reasons of those that are not chosen."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.backends import BACKENDS, Call, choose, torch_fused
from seqlstm.recurrent.backends.native import codegen
from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.cells.gru import ResetAfterGRU
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.layer import Recurrent
from seqlstm.recurrent.state import State, map_state
from tests.recurrent.backends.test_backends import CALLS, PLAIN, compare
from tests.recurrent.cases import (
    BATCH,
    CASES,
    HIDDEN,
    TIME,
    WIDTH,
    Case,
    every_cell,
    lived_in,
    noise,
    randomise,
)


def test_every_backend_has_its_own_name() -> None:
    assert all(backend.name == name for name, backend in BACKENDS.items())


def test_the_loop_supports_everything_and_is_last() -> None:
    assert list(BACKENDS)[-1] == "loop"
    for case, call in product(CASES, CALLS):
        assert BACKENDS["loop"].unsupported_reason(case.build(), call) is None


@pytest.mark.parametrize(
    ("case", "call", "serves"),
    [
        (Case("lstm"), PLAIN, True),
        (Case("gru"), PLAIN, True),
        (Case("lstm"), Call(lengths=True, return_state=False), True),
        (Case("lstm"), Call(return_state=False), True),
        (Case("lstm"), Call(lengths=True, return_state=True), False),
        (Case("lstm"), Call(resets=True), False),
        (Case("gru"), Call(resets=True, return_state=False), False),
        (Case("gru", {"reset": "before"}), PLAIN, False),
        (Case("elman"), PLAIN, False),
    ],
    ids=str,
)
def test_what_torch_fused_supports(case: Case, call: Call, serves: bool) -> None:
    refusal = BACKENDS["torch-fused"].unsupported_reason(case.build(), call)
    assert (refusal is None) == serves
    assert refusal is None or len(refusal.split()) > 3


@pytest.mark.parametrize("parent", [LSTM, ResetAfterGRU])
def test_torchs_kernels_refuse_a_subclass(parent: type[Cell]) -> None:
    subclass = type("Changed", (parent,), {})
    assert BACKENDS["torch-fused"].unsupported_reason(subclass(WIDTH, HIDDEN), PLAIN) is not None


def test_torchs_lstm_refuses_autocast_that_the_processor_cannot_compute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch_fused, "has_fused_lstm", lambda dtype: dtype != torch.bfloat16)
    monkeypatch.setattr(codegen, "unavailable_reason", lambda: "nothing can be compiled")
    lstm, gru = CELLS["lstm"](WIDTH, HIDDEN), CELLS["gru"](WIDTH, HIDDEN)
    assert choose(lstm, PLAIN).backend is BACKENDS["torch-fused"]
    with torch.autocast("cpu", torch.bfloat16):
        choice = choose(lstm, PLAIN)
        outputs, _ = Recurrent(lstm)(noise(TIME, BATCH, WIDTH).float())
        with pytest.raises(ValueError, match="torch-fused cannot serve: oneDNN has no LSTM"):
            choose(lstm, PLAIN, "torch-fused")
        assert choose(gru, PLAIN).backend is BACKENDS["torch-fused"]
        assert choose(lstm.double(), PLAIN).backend is BACKENDS["torch-fused"]
    assert choice.backend is BACKENDS["manual-bptt"]
    reason = "oneDNN has no LSTM in torch.bfloat16 for this processor"
    assert choice.reasons["torch-fused"] == reason
    assert outputs.isfinite().all()


def test_the_capability_of_torchs_lstm_is_that_of_the_processor() -> None:
    lstm = torch.nn.LSTM(WIDTH, HIDDEN)
    served = torch_fused.has_fused_lstm(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        if served:
            assert lstm(torch.ones(TIME, BATCH, WIDTH))[0].dtype == torch.bfloat16
        else:
            with pytest.raises(RuntimeError):
                lstm(torch.ones(TIME, BATCH, WIDTH))


class NoTanh(LSTM):
    """Overrides `equations`, but not `update`."""

    def equations(
        self, projected: Tensor, recurrent: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        i, f, g, o = (projected + recurrent).chunk(4, dim=-1)
        c = f.sigmoid() * state[1] + i.sigmoid() * g
        h = o.sigmoid() * c
        return h, (h, c)


class ReadsTwice(LSTM):
    """Overrides the operand of the product."""

    def operand(self, state: State) -> Tensor:
        return 2 * super().operand(state)


class OwnStep(LSTM):
    """Overrides `step`."""

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(2 * projected, state)


@pytest.mark.parametrize("subclass", [NoTanh, ReadsTwice, OwnStep])
def test_a_subclass_runs_with_its_own_equations(subclass: type[Cell]) -> None:
    cell = randomise(subclass(WIDTH, HIDDEN).double())
    inputs = noise(TIME, BATCH, WIDTH).requires_grad_()
    state = map_state(lambda part: part.requires_grad_(), lived_in(cell, BATCH))
    compare(choose(cell, PLAIN).backend.name, cell, inputs, state)


def test_a_layer_runs_one_step_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[int] = []
    run = BACKENDS["loop"].run

    def watched(cell: Cell, inputs: Tensor, *rest: Any, **options: Any) -> tuple[Tensor, State]:
        served.append(len(inputs))
        return run(cell, inputs, *rest, **options)

    monkeypatch.setattr(BACKENDS["loop"], "run", watched)
    layer = Recurrent(CELLS["lstm"](WIDTH, HIDDEN).double())
    layer(noise(1, BATCH, WIDTH))
    layer(noise(2, BATCH, WIDTH))
    assert served == [1]


@every_cell
def test_auto_chooses_the_first_backend_that_supports_the_call(case: Case) -> None:
    cell = case.build()
    for call in CALLS:
        reasons = {
            name: backend.unsupported_reason(cell, call)
            or backend.not_preferred_reason(cell, call, device="cpu")
            for name, backend in BACKENDS.items()
        }
        first = next(name for name, reason in reasons.items() if reason is None)
        faster = list(BACKENDS)[: list(BACKENDS).index(first)]
        choice = choose(cell, call)
        assert choice.backend is BACKENDS[first]
        assert choice.reasons == {name: reasons[name] for name in faster}
        for name in faster:
            assert f"{name}: {reasons[name]}" in str(choice)


def test_a_slower_backend_is_chosen_only_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(codegen, "unavailable_reason", lambda: "nothing can be compiled")
    cell = CELLS["slstm"](WIDTH, HIDDEN)
    choice = choose(cell, PLAIN)
    assert choice.backend is BACKENDS["loop"]
    assert "slower on a CPU" in choice.reasons["manual-bptt"]
    assert choose(cell, PLAIN, "manual-bptt").backend is BACKENDS["manual-bptt"]
    assert choose(cell.to("meta"), PLAIN).backend is BACKENDS["manual-bptt"]


def test_a_backend_by_name_is_chosen_or_its_reason_raised() -> None:
    cell = CELLS["lstm"](WIDTH, HIDDEN)
    assert choose(cell, PLAIN, "loop").backend is BACKENDS["loop"]
    assert choose(cell, PLAIN, "torch-fused").backend is BACKENDS["torch-fused"]
    call = Call(resets=True)
    reason = BACKENDS["torch-fused"].unsupported_reason(cell, call)
    assert reason is not None
    with pytest.raises(ValueError, match="torch-fused") as refused:
        choose(cell, call, "torch-fused")
    assert reason in str(refused.value)


def test_an_unknown_backend_is_refused_with_the_known_names() -> None:
    with pytest.raises(ValueError, match="loop") as refused:
        choose(CELLS["lstm"](WIDTH, HIDDEN), PLAIN, "fast")
    assert all(name in str(refused.value) for name in ["fast", *BACKENDS])


@pytest.mark.parametrize("kind", ["lstm", "peephole", "mingru", "mlstm"])
def test_a_single_step_runs_on_the_loop_unless_another_is_named(kind: str) -> None:
    cell, single = Case(kind).build(), Call(single_step=True)
    assert str(choose(cell, single)) == "loop (others: what they prepare costs more than one step)"
    (other, *_) = [
        name for name in BACKENDS if BACKENDS[name].unsupported_reason(cell, single) is None
    ]
    assert other != "loop"
    assert choose(cell, single, other).backend is BACKENDS[other]
    assert choose(cell, Call()).backend is not BACKENDS["loop"]
