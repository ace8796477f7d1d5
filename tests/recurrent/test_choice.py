"""Which engine serves, and what it says when it does not."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from torch import Tensor

from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.cell import Cell
from seqlstm.recurrent.engines import ENGINES, Call, choose, source
from seqlstm.recurrent.gru import ResetAfterGRU
from seqlstm.recurrent.layer import Recurrent
from seqlstm.recurrent.lstm import LSTM
from seqlstm.recurrent.state import State, map_state
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
from tests.recurrent.test_engines import CALLS, PLAIN, compare


def test_every_engine_has_its_own_name() -> None:
    assert all(engine.name == name for name, engine in ENGINES.items())


def test_the_loop_refuses_nothing_and_comes_last() -> None:
    assert list(ENGINES)[-1] == "loop"
    for case, call in product(CASES, CALLS):
        assert ENGINES["loop"].refusal(case.build(), call) is None


@pytest.mark.parametrize(
    ("case", "call", "serves"),
    [
        (Case("lstm"), PLAIN, True),
        (Case("gru"), PLAIN, True),
        (Case("lstm"), Call(lengths=True, last=False), True),
        (Case("lstm"), Call(last=False), True),
        (Case("lstm"), Call(lengths=True, last=True), False),
        (Case("lstm"), Call(resets=True), False),
        (Case("gru"), Call(resets=True, last=False), False),
        (Case("gru", {"reset": "before"}), PLAIN, False),
        (Case("elman"), PLAIN, False),
    ],
    ids=str,
)
def test_what_the_library_serves(case: Case, call: Call, serves: bool) -> None:
    refusal = ENGINES["library"].refusal(case.build(), call)
    assert (refusal is None) == serves
    assert refusal is None or len(refusal.split()) > 3


@pytest.mark.parametrize("parent", [LSTM, ResetAfterGRU])
def test_torchs_kernels_refuse_a_subclass(parent: type[Cell]) -> None:
    subclass = type("Changed", (parent,), {})
    assert ENGINES["library"].refusal(subclass(WIDTH, HIDDEN), PLAIN) is not None


class NoTanh(LSTM):
    """Changes the equations of two terms, not those of their sum."""

    def equations(
        self, projected: Tensor, recurrent: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        i, f, g, o = (projected + recurrent).chunk(4, dim=-1)
        c = f.sigmoid() * state[1] + i.sigmoid() * g
        h = o.sigmoid() * c
        return h, (h, c)


class ReadsTwice(LSTM):
    """Changes what the product reads."""

    def read(self, state: State) -> Tensor:
        return 2 * super().read(state)


class OwnStep(LSTM):
    """Changes the step itself."""

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(2 * projected, state)


@pytest.mark.parametrize("subclass", [NoTanh, ReadsTwice, OwnStep])
def test_a_subclass_is_served_as_it_defines_itself(subclass: type[Cell]) -> None:
    cell = randomise(subclass(WIDTH, HIDDEN).double())
    inputs = noise(TIME, BATCH, WIDTH).requires_grad_()
    state = map_state(lambda part: part.requires_grad_(), lived_in(cell, BATCH))
    compare(choose(cell, PLAIN).engine.name, cell, inputs, state)


def test_one_step_is_left_to_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[int] = []
    run = ENGINES["loop"].run

    def watched(cell: Cell, inputs: Tensor, *rest: Any, **options: Any) -> tuple[Tensor, State]:
        served.append(len(inputs))
        return run(cell, inputs, *rest, **options)

    monkeypatch.setattr(ENGINES["loop"], "run", watched)
    layer = Recurrent(CELLS["lstm"](WIDTH, HIDDEN).double())
    layer(noise(1, BATCH, WIDTH))
    layer(noise(2, BATCH, WIDTH))
    assert served == [1]


@every_cell
def test_auto_takes_the_first_that_does_not_refuse(case: Case) -> None:
    cell = case.build()
    for call in CALLS:
        reasons = {
            name: engine.refusal(cell, call) or engine.slower(cell, call, device="cpu")
            for name, engine in ENGINES.items()
        }
        first = next(name for name, reason in reasons.items() if reason is None)
        faster = list(ENGINES)[: list(ENGINES).index(first)]
        choice = choose(cell, call)
        assert choice.engine is ENGINES[first]
        assert choice.refusals == {name: reasons[name] for name in faster}
        for name in faster:
            assert f"{name}: {reasons[name]}" in str(choice)


def test_what_was_measured_to_be_slower_is_passed_over_but_serves_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source, "unavailable", lambda: "nothing can be compiled")
    cell = CELLS["slstm"](WIDTH, HIDDEN)
    choice = choose(cell, PLAIN)
    assert choice.engine is ENGINES["loop"]
    assert "slower on a CPU" in choice.refusals["hoisted"]
    assert choose(cell, PLAIN, "hoisted").engine is ENGINES["hoisted"]
    assert choose(cell.to("meta"), PLAIN).engine is ENGINES["hoisted"]


def test_an_engine_asked_for_by_name_serves_or_says_why_not() -> None:
    cell = CELLS["lstm"](WIDTH, HIDDEN)
    assert choose(cell, PLAIN, "loop").engine is ENGINES["loop"]
    assert choose(cell, PLAIN, "library").engine is ENGINES["library"]
    call = Call(resets=True)
    reason = ENGINES["library"].refusal(cell, call)
    assert reason is not None
    with pytest.raises(ValueError, match="library") as refused:
        choose(cell, call, "library")
    assert reason in str(refused.value)


def test_an_unknown_engine_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="loop") as refused:
        choose(CELLS["lstm"](WIDTH, HIDDEN), PLAIN, "fast")
    assert all(name in str(refused.value) for name in ["fast", *ENGINES])


@pytest.mark.parametrize("kind", ["lstm", "peephole", "mingru", "mlstm"])
def test_a_single_step_is_the_loops_unless_another_is_asked_for_by_name(kind: str) -> None:
    cell, single = Case(kind).build(), Call(single=True)
    assert str(choose(cell, single)) == "loop (others: what they prepare costs more than one step)"
    (other, *_) = [name for name in ENGINES if ENGINES[name].refusal(cell, single) is None]
    assert other != "loop"
    assert choose(cell, single, other).engine is ENGINES[other]
    assert choose(cell, Call()).engine is not ENGINES["loop"]
