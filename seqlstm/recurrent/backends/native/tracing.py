"""A cell's equations as arithmetic on single numbers, and the derivatives of that.

Unit j of all that the equations give follows from units j of what they read. So they are run once,
on any numbers, and what they do is written down for one unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from seqlstm.recurrent.cells.base import ElementwiseCell

OPERATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "add": ("{0} + {1}", ("{d}", "{d}")),
    "sub": ("{0} - {1}", ("{d}", "-{d}")),
    "rsub": ("{1} - {0}", ("-{d}", "{d}")),
    "mul": ("{0} * {1}", ("{d} * {1}", "{d} * {0}")),
    "div": ("{0} / {1}", ("{d} / {1}", "-{d} * {r} / {1}")),
    "neg": ("-{0}", ("-{d}",)),
    "exp": ("exponential({0})", ("{d} * {r}",)),
    "log": ("logarithm({0})", ("{d} / {0}",)),
    "log1p": ("logarithm_above_one({0})", ("{d} / (1 + {0})",)),
    "sigmoid": ("sigmoid({0})", ("{d} * ({r} * (1 - {r}))",)),
    "log_sigmoid_forward": ("log_sigmoid({0})", ("{d} * sigmoid(-{0})",)),
    "tanh": ("tangent({0})", ("{d} * (1 - {r} * {r})",)),
    "maximum": ("larger({0}, {1})", ("of_larger({0}, {1}, {d})", "of_larger({1}, {0}, {d})")),
    "clamp": ("larger({0}, {1})", ("({0} >= {1} ? {d} : 0)", "")),  # from below, by a number
    # From the nearer end, so that weights of 0 and 1 give the ends themselves.
    "lerp": (
        "{2} < (REAL)0.5 ? {0} + {2} * ({1} - {0}) : {1} - (1 - {2}) * ({1} - {0})",
        ("{d} * (1 - {2})", "{d} * {2}", "{d} * ({1} - {0})"),
    ),
    "detach": ("{0}", ("",)),
}
"""By torch's name: the operation in C, and what each argument gets of the result's gradient, or
nothing. {r} is the result, {d} its gradient.
"""

SAME = {"view", "expand", "clone", "alias"}
CONSTANTS = {"ones_like": 1.0, "zeros_like": 0.0}


class UntraceableError(Exception):
    """An operation that this module does not know."""


@dataclass(frozen=True)
class Statement:
    """`result = operation(arguments)`: names of variables, or numbers."""

    result: str
    operation: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class TracedEquations:
    """The equations, for one unit.

    Attributes:
        projected, product: what is read of the two, a name for each multiple of hidden.
        state: what is read of it, part by part.
        parameters: what is read of them side by side, a name for each multiple of hidden.
        statements: in order.
        output, after: the results.
    """

    projected: list[str]
    product: list[str]
    state: list[str]
    parameters: list[str]
    statements: list[Statement]
    output: str
    after: list[str]

    @property
    def read(self) -> list[str]:
        return [*self.projected, *self.product, *self.state, *self.parameters]

    def lines(self) -> Iterator[str]:
        """The statements in C."""
        for one in self.statements:
            yield f"{one.result} = {OPERATIONS[one.operation][0].format(*one.arguments)}"

    def derivatives(self, seeds: Sequence[tuple[str, str]]) -> tuple[list[str], dict[str, str]]:
        """The chain rule, backwards through the statements.

        Args:
            seeds: pairs of a result and the name of its gradient.

        Returns:
            Statements in C that follow on `lines`, and the gradient of each thing read.
        """
        terms: dict[str, list[str]] = defaultdict(list)
        for result, gradient in seeds:
            terms[result].append(gradient)
        lines = []
        for one in reversed(self.statements):
            if one.result not in terms:
                continue
            lines.append(f"d_{one.result} = {' + '.join(terms[one.result])}")
            partials = OPERATIONS[one.operation][1]
            for argument, partial in zip(one.arguments, partials, strict=True):
                if argument.isidentifier() and partial:
                    names = {"r": one.result, "d": f"d_{one.result}"}
                    terms[argument].append(partial.format(*one.arguments, **names))
        return lines, {name: " + ".join(terms[name]) or "0" for name in self.read}


def trace(cell: ElementwiseCell) -> TracedEquations:
    """The equations as the cell has them now, in training or evaluation.

    Raises:
        NotScalarError: they use an operation that is not in the table.
    """
    # Inference mode hides operations from the recorder, autocast adds some. Zoneout draws its masks
    # in `project`: nobody's random numbers change by that.
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        torch.autocast("cpu", enabled=False),
        torch.random.fork_rng(devices=[]),
    ):
        return record(cell)


def record(cell: ElementwiseCell) -> TracedEquations:
    matrix = cell.recurrence()
    if matrix.dim() == 3 and len(cell.operand) > 1:
        raise UntraceableError("several operands by head")
    # Each a tensor of its own, and of no mode: an initial state may hold one twice, parameters may
    # have been made in inference mode.
    projected = cell.project(matrix.new_zeros(1, 1, cell.input_size))[0].clone()
    product = matrix.new_zeros(1, matrix.shape[:-1].numel())
    state = tuple(part.clone() for part in cell.initial_state(1))
    parameters = tuple(one.clone() for one in cell.elementwise())
    recorder = Recorder(cell.hidden_size)
    given = {
        "projected": recorder.name("projected", projected),
        "product": recorder.name("product", product),
        "parameters": [
            name
            for index, one in enumerate(parameters)
            for name in recorder.name(f"parameter{index}_", one)
        ],
        "state": [recorder.name(f"state{k}_", one)[0] for k, one in enumerate(state)],
    }
    with recorder:
        output, after = cell.equations(projected, product, state, parameters)
    return TracedEquations(
        **given,
        statements=recorder.statements,
        output=recorder.units(output)[0],
        after=[recorder.units(one)[0] for one in after],
    )


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down what is done to (1, multiples of hidden), for one unit."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nobody compiles this by torch, whose compiler takes seconds to load."""
        return False

    def __init__(self, hidden: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.hidden = hidden
        self.statements: list[Statement] = []
        # By identity, and held: an identity is one object's only as long as that lives.
        self.known: dict[int, tuple[Tensor, list[str]]] = {}

    def name(self, word: str, tensor: Tensor) -> list[str]:
        """Names for what a tensor holds."""
        names = [f"{word}{multiple}" for multiple in range(self.multiples(tensor))]
        self.know(tensor, names)
        return names

    def know(self, tensor: Tensor, units: list[str]) -> None:
        if len(units) != self.multiples(tensor):
            raise UntraceableError(f"a result of shape {tuple(tensor.shape)}")
        self.known[id(tensor)] = (tensor, units)

    def multiples(self, tensor: Tensor) -> int:
        multiples, rest = divmod(tensor.numel(), self.hidden)
        if rest:
            raise UntraceableError(f"a tensor of shape {tuple(tensor.shape)}")
        return multiples

    def units(self, value: Any) -> list[str]:
        """What a tensor or a number is for one unit: a name, or a number, for each multiple."""
        if not isinstance(value, Tensor):
            return [number(value)]
        if id(value) not in self.known:
            raise UntraceableError("a tensor that was not handed in")
        return self.known[id(value)][1]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.name().removeprefix("aten::").partition(".")[0]
        self.record(name, result, args, kwargs or {})
        return result

    def record(self, name: str, result: Any, args: tuple[Any, ...], options: Any) -> None:
        if name in ("split", "split_with_sizes") and along(args[0], args[2:]):
            start = 0
            for part in result:
                units = self.units(args[0])[start : start + self.multiples(part)]
                self.know(part, units)
                start += len(units)
        elif name == "slice" and along(args[0], args[1:]) and len(args) < 5:
            start, rest = divmod(args[2], self.hidden)
            if rest:
                raise UntraceableError(f"a slice from {args[2]}")
            self.know(result, self.units(args[0])[start : start + self.multiples(result)])
        elif name == "cat" and along(result, args[1:]):
            self.know(result, [unit for part in args[0] for unit in self.units(part)])
        elif name in SAME and result.shape[-1] == args[0].shape[-1]:
            self.know(result, self.units(args[0]))
        elif name in CONSTANTS or name == "full_like":
            value = args[1] if name == "full_like" else CONSTANTS[name]
            self.know(result, [number(value)] * self.multiples(result))
        elif name in OPERATIONS and not options and None not in args:
            if name == "clamp" and isinstance(args[1], Tensor):
                raise UntraceableError("torch's clamp by a tensor")
            self.operate(name, result[0] if isinstance(result, tuple) else result, args)
        else:
            raise UntraceableError(f"torch's {name}")

    def operate(self, name: str, result: Tensor, args: tuple[Any, ...]) -> None:
        wanted = len(OPERATIONS[name][1])
        columns = [self.units(one) for one in args]
        if len(columns) != wanted:
            raise UntraceableError(f"torch's {name} of {len(columns)} arguments")
        multiples = self.multiples(result)
        rows = zip(*(one * multiples if len(one) == 1 else one for one in columns), strict=True)
        names = []
        for arguments in rows:
            names.append(f"v{len(self.statements)}")
            self.statements.append(Statement(names[-1], name, arguments))
        self.know(result, names)


def number(value: Any) -> str:
    """A number in C."""
    if not isinstance(value, int | float):
        raise UntraceableError(f"{value!r}, which is not a number")
    return f"(REAL)({float(value)!r})".replace("inf", "INFINITY").replace("nan", "NAN")


def along(tensor: Tensor, told: tuple[Any, ...]) -> bool:
    """Whether an operation works along the last axis: `told` begins with it, or it is 0."""
    axis = told[0] if told else 0
    return axis in (-1, tensor.dim() - 1)
