"""The native backend: generated C code, and the reasons where nothing can be compiled."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan

import pytest
import torch
from torch import Tensor

from seqlstm.kernels import compiler
from seqlstm.recurrent.backends import BACKENDS, Call, choose
from seqlstm.recurrent.backends.native import codegen
from seqlstm.recurrent.backends.native.backend import NativeBackend
from seqlstm.recurrent.backends.native.tracing import OPERATIONS, UntraceableError, trace
from seqlstm.recurrent.cells.base import AdditiveCell
from seqlstm.recurrent.cells.elman import Elman
from seqlstm.recurrent.cells.exponential_gating import finite_stabilizer
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.state import State
from tests.recurrent.cases import CASES, HIDDEN, WIDTH, Case, noise

needs_compiler = pytest.mark.skipif(
    codegen.unavailable_reason() is not None, reason=str(codegen.unavailable_reason())
)

PLAIN = Call()
Function = Callable[[Tensor, Tensor], Tensor]
HELD = torch.ones(40)


class Applied(AdditiveCell):
    """A cell whose output is a function of its input and its last output."""

    state_names = ("h",)

    def __init__(self, function: Function, units: int) -> None:
        super().__init__(units, units)
        self.function = function
        self.nothing = torch.nn.Parameter(torch.zeros(units, units))

    def initial_state(self, batch: int) -> State:
        return (self.nothing.new_zeros(batch, self.hidden_size),)

    def project(self, inputs: Tensor) -> Tensor:
        return inputs

    def recurrent_matrix(self) -> Tensor:
        return self.nothing

    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        h = self.function(sums, state[0])
        return h, (h,)


FUNCTIONS: dict[str, Function] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "rsub": lambda x, y: 1 - x,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / (3 + y),
    "neg": lambda x, y: -x,
    "exp": lambda x, y: x.exp(),
    "log": lambda x, y: (x * x).log(),
    "log1p": lambda x, y: (x * x).log1p(),
    "sigmoid": lambda x, y: x.sigmoid(),
    "log_sigmoid_forward": lambda x, y: torch.nn.functional.logsigmoid(x),
    "tanh": lambda x, y: x.tanh(),
    "maximum": torch.maximum,
    "clamp": lambda x, y: x.clamp(min=0.25),
    "lerp": lambda x, y: torch.lerp(x, y, x * y),
    "detach": lambda x, y: x.detach() * y,
}


def results(function: Function, inputs: Tensor, start: Tensor, backend: str) -> list[Tensor]:
    """The output of one step, and the gradients of its arguments."""
    cell = Applied(function, inputs.shape[-1]).to(inputs.dtype)
    read = [one.clone().requires_grad_() for one in (inputs, start)]
    outputs, _ = BACKENDS[backend].run(cell, read[0][None], (read[1],))
    weights = noise(*outputs.shape).to(outputs)
    gradients = torch.autograd.grad(
        (outputs * weights).sum(), read, allow_unused=True, materialize_grads=True
    )
    return [outputs, *gradients]


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_and_its_derivatives_equal_those_of_torch(
    name: str, dtype: torch.dtype
) -> None:
    inputs, start = (noise(4, 40, seed=seed).to(dtype) for seed in (1, 2))
    inputs[0, :4] = start[0, :4]  # equals share the derivative of a maximum
    assert name in {one.operation for one in trace(Applied(FUNCTIONS[name], 40)).statements}
    result, expected = (
        results(FUNCTIONS[name], inputs, start, backend) for backend in ("native", "loop")
    )
    for one, other in zip(result, expected, strict=True):
        tolerance = 1e-12 if dtype == torch.float64 else 3e-6
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@needs_compiler
@pytest.mark.parametrize("name", ["exp", "sigmoid", "tanh", "log_sigmoid_forward", "log", "log1p"])
def test_functions_are_right_everywhere(name: str) -> None:
    ordinary = torch.linspace(-87, 87, 20_000)
    tiny = torch.logspace(-30, 0, 2_000)
    special = torch.tensor([0.0, inf, -inf, nan, 1e30, -1e30, 88.9, -104.0, 20.0, -20.0])
    inputs = torch.cat([ordinary, tiny, -tiny, special])
    if name in ("log", "log1p"):  # of the square, which neither overflows nor underflows here
        squares = inputs * inputs
        inputs = inputs[(squares > 1e-37) & (squares < 1e37) | inputs.isnan() | (inputs == 0)]
    inputs = inputs.unsqueeze(1)
    result, expected = (
        results(FUNCTIONS[name], inputs, torch.zeros_like(inputs), backend)[0]
        for backend in ("native", "loop")
    )
    # What is smaller than the smallest normal number may be zero.
    torch.testing.assert_close(result, expected, rtol=1e-6, atol=2e-38, equal_nan=True)


@needs_compiler
def test_nan_leads_to_nan() -> None:
    for function in (torch.maximum, FUNCTIONS["clamp"], lambda x, y: finite_stabilizer(x)):
        for inputs, start in ((nan, 0.0), (0.0, nan)):
            read = torch.full((1, 20), inputs), torch.full((1, 20), start)
            result, expected = (
                results(function, *read, backend)[0] for backend in ("native", "loop")
            )
            assert torch.equal(result.isnan(), expected.isnan())


@needs_compiler
def test_every_elementwise_cell_is_served() -> None:
    for case in CASES:
        cell = case.build()
        if BACKENDS["manual-bptt"].unsupported_reason(cell, PLAIN) is None:
            assert BACKENDS["native"].unsupported_reason(cell, PLAIN) is None


@needs_compiler
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_nothing(threads: int) -> None:
    cell = Case("peephole").build()
    inputs, known = noise(5, 4, WIDTH).requires_grad_(), torch.get_num_threads()
    wanted = [inputs, *cell.parameters()]

    def run() -> list[Tensor]:
        outputs, _ = BACKENDS["native"].run(cell, inputs, cell.initial_state(4))
        return [outputs, *torch.autograd.grad(outputs.square().sum(), wanted)]

    torch.set_num_threads(1)
    alone = run()
    torch.set_num_threads(threads)
    try:
        torch.testing.assert_close(run(), alone, rtol=1e-12, atol=1e-12)
    finally:
        torch.set_num_threads(known)


@needs_compiler
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_equations_are_traced_in_any_mode_without_random_numbers(
    mode: Callable[[], object],
) -> None:
    cell = LSTM(WIDTH, HIDDEN)
    code = NativeBackend().generate(cell)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with mode(), torch.autocast("cpu", torch.bfloat16):  # type: ignore[attr-defined]
        assert NativeBackend().generate(cell) == code
    assert torch.equal(torch.get_rng_state(), before)


class Rounded(Elman):
    """Uses an operation that has no C code."""

    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        h = torch.erf(sums)
        return h, (h,)


@needs_compiler
def test_an_operation_without_c_code_is_refused_by_name() -> None:
    cell = Rounded(WIDTH, HIDDEN)
    reason = BACKENDS["native"].unsupported_reason(cell, PLAIN)
    assert reason == "the equations use torch's erf"
    assert choose(cell, PLAIN).backend is BACKENDS["manual-bptt"]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x, y: torch.add(x, y, alpha=2), "torch's add"),
        (lambda x, y: x.clamp(max=1.0), "torch's clamp"),
        (lambda x, y: x + HELD, "a tensor that is not an argument"),
        (lambda x, y: x.sum(-1, keepdim=True) + y, "torch's sum"),
        (lambda x, y: x.add_(y), "torch's add_"),
    ],
)
def test_operations_that_are_not_unit_by_unit_are_refused(function: Function, words: str) -> None:
    with pytest.raises(UntraceableError, match=words):
        trace(Applied(function, 40))


@needs_compiler
def test_reasons_for_unsupported_cells() -> None:
    backend = BACKENDS["native"]
    cell = LSTM(WIDTH, HIDDEN)
    assert "not for meta" in str(backend.unsupported_reason(LSTM(WIDTH, HIDDEN).to("meta"), PLAIN))
    assert "not in torch.bfloat16" in str(backend.unsupported_reason(cell.bfloat16(), PLAIN))
    with torch.autocast("cpu", torch.float16):
        assert "not in torch.float16" in str(
            backend.unsupported_reason(Elman(WIDTH, HIDDEN), PLAIN)
        )
    assert "depends on the reset gate" in str(
        backend.unsupported_reason(Case("gru", {"reset": "before"}).build(), PLAIN)
    )


def test_without_a_compiler_the_next_backend_serves(
    monkeypatch: pytest.MonkeyPatch, clear_native_cache: Callable[[], None]
) -> None:
    unavailable = codegen.unavailable_reason.__wrapped__
    monkeypatch.setattr(compiler, "COMPILERS", ("no-such-compiler", "nor-this"))
    clear_native_cache()
    reason = unavailable()
    assert reason is not None
    assert "neither no-such-compiler nor nor-this" in reason or compiler.MACHINE in reason
    monkeypatch.setattr(codegen, "unavailable_reason", unavailable)
    choice = choose(Elman(WIDTH, HIDDEN), PLAIN)
    assert choice.backend is BACKENDS["manual-bptt"]
    assert reason in str(choice)


def test_on_another_machine_it_was_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler.platform, "machine", lambda: "riscv64")
    assert "riscv64" in str(codegen.unavailable_reason.__wrapped__())


@needs_compiler
def test_the_compiler_is_quoted_when_it_fails() -> None:
    with pytest.raises(OSError, match="error"):
        codegen.build("this is no C", "float", "float", "float")


@needs_compiler
def test_in_float32_torch_serves_its_own_lstm_and_this_the_rest() -> None:
    cell = LSTM(WIDTH, HIDDEN)
    assert choose(cell, PLAIN).backend is BACKENDS["torch-fused"]
    assert choose(cell, Call(resets=True)).backend is BACKENDS["native"]
    with torch.autocast("cpu", torch.bfloat16):
        assert choose(cell, PLAIN).backend is BACKENDS["native"]
    for case in (Case("elman"), Case("gru", {"reset": "after"})):
        assert choose(case.build().float(), PLAIN).backend is BACKENDS["native"]


@needs_compiler
@pytest.mark.parametrize("hidden", [1, 5, 16, 33, 70])
@pytest.mark.parametrize("kind", ["lstm", "elman", "cifg"])
@pytest.mark.parametrize("back", [False, True])
def test_sizes_that_fill_no_panel(kind: str, hidden: int, *, back: bool) -> None:
    """Odd products of bfloat16 are padded; rows and columns are left over."""
    cell = Case(kind).build(width=3, hidden=hidden).float()
    inputs = noise(4, 9, 3).float().requires_grad_()
    wanted = [inputs, *cell.parameters()]

    def run(backend: str, *, rounded: bool) -> list[Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            start, way = cell.initial_state(9), BACKENDS[backend]
            if back:
                outputs, _ = way.run_reverse(cell, inputs, start, lengths=None, return_state=False)
            else:
                outputs, _ = way.run(cell, inputs, start)
        loss = (outputs.float() * noise(*outputs.shape).float()).sum()
        return [outputs.float(), *torch.autograd.grad(loss, wanted)]

    exact = run("loop", rounded=False)
    torch.testing.assert_close(run("native", rounded=False), exact, rtol=1e-4, atol=1e-4)
    for near, true in zip(run("native", rounded=True), exact, strict=True):
        assert (near - true).norm() <= 0.06 * true.norm()
