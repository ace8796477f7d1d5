"""Tracing of a cell's equations as scalar arithmetic, and symbolic differentiation.

Unit j of each result depends only on units j of the arguments. So the equations are run once, with
arbitrary values, and their operations are recorded for a single unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
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
    # Computed from the nearer end, as in torch: weights of 0 and 1 return exactly the ends.
    "lerp": (
        "{2} < (REAL)0.5 ? {0} + {2} * ({1} - {0}) : {1} - (1 - {2}) * ({1} - {0})",
        ("{d} * (1 - {2})", "{d} * {2}", "{d} * ({1} - {0})"),
    ),
    "detach": ("{0}", ("",)),
}
"""By torch's name: the operation in C, and the gradient of each argument, empty where it has none.
{0}, {1}, … are the arguments, {r} is the result and {d} its gradient.
"""

IDENTITIES = {"view", "expand", "clone", "alias"}
CONSTANTS = {"ones_like": 1.0, "zeros_like": 0.0}


class UntraceableError(Exception):
    """The equations use an operation that has no C code here."""


@dataclass(frozen=True)
class Statement:
    """`result = operation(arguments)`; arguments are names of variables, or numbers."""

    result: str
    operation: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class TracedEquations:
    """A cell's equations for one unit.

    Attributes:
        projected: names of the projected inputs, one for each multiple of hidden.
        product: names of the product R·h, one for each multiple of hidden.
        state: names of its parts.
        parameters: names of the concatenated parameters, one for each multiple of hidden.
        statements: in order.
        output: name of the output.
        after: names of the parts of the next state.
    """

    projected: list[str]
    product: list[str]
    state: list[str]
    parameters: list[str]
    statements: list[Statement]
    output: str
    after: list[str]

    @property
    def arguments(self) -> list[str]:
        return [*self.projected, *self.product, *self.state, *self.parameters]

    def lines(self) -> Iterator[str]:
        """The statements in C."""
        for statement in self.statements:
            operation, _ = OPERATIONS[statement.operation]
            yield f"{statement.result} = {operation.format(*statement.arguments)}"

    def derivatives(self, seeds: Sequence[tuple[str, str]]) -> tuple[list[str], dict[str, str]]:
        """The chain rule, backwards through the statements.

        Args:
            seeds: pairs of a result and the name of its gradient.

        Returns:
            Statements in C to follow `lines`, and the gradient of each argument.
        """
        terms: dict[str, list[str]] = defaultdict(list)
        for result, gradient in seeds:
            terms[result].append(gradient)
        lines = []
        for result, operation, arguments in map(astuple, reversed(self.statements)):
            if result not in terms:
                continue
            lines.append(f"d_{result} = {' + '.join(terms[result])}")
            for argument, partial in zip(arguments, OPERATIONS[operation][1], strict=True):
                if argument.isidentifier() and partial:
                    names = {"r": result, "d": f"d_{result}"}
                    terms[argument].append(partial.format(*arguments, **names))
        return lines, {name: " + ".join(terms[name]) or "0" for name in self.arguments}


def trace(cell: ElementwiseCell) -> TracedEquations:
    """Trace the cell's equations in its current mode, training or evaluation.

    Raises:
        UntraceableError: they use an operation that is not in `OPERATIONS`.
    """
    # Inference mode hides operations from the recorder, and autocast adds casts. Zoneout samples
    # masks in `project`, so the state of the global generator is restored.
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        torch.autocast("cpu", enabled=False),
        torch.random.fork_rng(devices=[]),
    ):
        return record(cell)


def record(cell: ElementwiseCell) -> TracedEquations:
    """Run the cell's equations once, under a `Recorder`."""
    matrix = cell.recurrent_matrix()
    if matrix.dim() == 3 and len(cell.operand_parts) > 1:
        raise UntraceableError("several parts of the state in a product by head")
    # Clones: an initial state may repeat a tensor, and parameters may be inference tensors.
    projected = cell.project(matrix.new_zeros(1, 1, cell.input_size))[0].clone()
    product = matrix.new_zeros(1, matrix.shape[:-1].numel())
    state = tuple(part.clone() for part in cell.initial_state(1))
    parameters = tuple(parameter.clone() for parameter in cell.elementwise_parameters())
    recorder = Recorder(cell.hidden_size)
    inputs = {
        "projected": recorder.name("projected", projected),
        "product": recorder.name("product", product),
        "parameters": [
            name
            for index, parameter in enumerate(parameters)
            for name in recorder.name(f"parameter{index}_", parameter)
        ],
        "state": [recorder.name(f"state{k}_", part)[0] for k, part in enumerate(state)],
    }
    with recorder:
        output, after = cell.equations(projected, product, state, parameters)
    return TracedEquations(
        **inputs,
        statements=recorder.statements,
        output=recorder.units(output)[0],
        after=[recorder.units(part)[0] for part in after],
    )


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records operations on tensors (1, multiples of hidden) as statements for one unit."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Overrides torch's method, which imports torch.compile; that takes seconds."""
        return False

    def __init__(self, hidden: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.hidden = hidden
        self.statements: list[Statement] = []
        # By id, with the tensor: an id may be reused once its tensor is deleted.
        self.traced: dict[int, tuple[Tensor, list[str]]] = {}

    def name(self, prefix: str, tensor: Tensor) -> list[str]:
        """New names for an argument: one for each multiple of hidden."""
        names = [f"{prefix}{multiple}" for multiple in range(self.multiples(tensor))]
        self.register(tensor, names)
        return names

    def register(self, tensor: Tensor, units: list[str]) -> None:
        """Remember the names, or numbers, of a tensor: one for each multiple of hidden."""
        if len(units) != self.multiples(tensor):
            raise UntraceableError(f"a result of shape {tuple(tensor.shape)}")
        self.traced[id(tensor)] = (tensor, units)

    def multiples(self, tensor: Tensor) -> int:
        """The size of a tensor as a multiple of hidden."""
        multiples, rest = divmod(tensor.numel(), self.hidden)
        if rest:
            raise UntraceableError(f"a tensor of shape {tuple(tensor.shape)}")
        return multiples

    def units(self, value: Any) -> list[str]:
        """The names, or numbers, of a tensor or number: one for each multiple of hidden."""
        if not isinstance(value, Tensor):
            return [number(value)]
        if id(value) not in self.traced:
            raise UntraceableError("a tensor that is not an argument")
        return self.traced[id(value)][1]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.name().removeprefix("aten::").partition(".")[0]
        self.record(name, result, args, kwargs or {})
        return result

    def record(self, name: str, result: Any, args: tuple[Any, ...], options: Any) -> None:
        """Record a call of torch's operation `name`."""
        if name in ("split", "split_with_sizes") and along_last_axis(args[0], args[2:]):
            start = 0
            for part in result:
                units = self.units(args[0])[start : start + self.multiples(part)]
                self.register(part, units)
                start += len(units)
        elif name == "slice" and along_last_axis(args[0], args[1:]) and len(args) < 5:
            start, rest = divmod(args[2], self.hidden)
            if rest:
                raise UntraceableError(f"a slice from {args[2]}")
            self.register(result, self.units(args[0])[start : start + self.multiples(result)])
        elif name == "cat" and along_last_axis(result, args[1:]):
            self.register(result, [unit for part in args[0] for unit in self.units(part)])
        elif name in IDENTITIES and result.shape[-1] == args[0].shape[-1]:
            self.register(result, self.units(args[0]))
        elif name in CONSTANTS or name == "full_like":
            value = args[1] if name == "full_like" else CONSTANTS[name]
            self.register(result, [number(value)] * self.multiples(result))
        elif name in OPERATIONS and not options and None not in args:
            if name == "clamp" and isinstance(args[1], Tensor):
                raise UntraceableError("torch's clamp by a tensor")
            self.operate(name, result[0] if isinstance(result, tuple) else result, args)
        else:
            raise UntraceableError(f"torch's {name}")

    def operate(self, name: str, result: Tensor, args: tuple[Any, ...]) -> None:
        """Record an operation of `OPERATIONS`: a statement for each multiple of hidden."""
        columns = [self.units(argument) for argument in args]
        if len(columns) != len(OPERATIONS[name][1]):
            raise UntraceableError(f"torch's {name} of {len(columns)} arguments")
        multiples = self.multiples(result)
        rows = zip(*(c * multiples if len(c) == 1 else c for c in columns), strict=True)
        names = []
        for arguments in rows:
            names.append(f"v{len(self.statements)}")
            self.statements.append(Statement(names[-1], name, arguments))
        self.register(result, names)


def number(value: Any) -> str:
    """A number in C."""
    if not isinstance(value, int | float):
        raise UntraceableError(f"{value!r}, which is not a number")
    return f"(REAL)({float(value)!r})".replace("inf", "INFINITY").replace("nan", "NAN")


def along_last_axis(tensor: Tensor, arguments: tuple[Any, ...]) -> bool:
    """Whether an operation's axis, the first of `arguments` or else 0, is the last axis."""
    axis = arguments[0] if arguments else 0
    return axis in (-1, tensor.dim() - 1)
