"""C code generation: traced equations as the header that `recurrence.c` includes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from seqlstm.kernels.compiler import unsupported_machine
from seqlstm.kernels.recurrence import build
from seqlstm.recurrent.backends.native.tracing import Statement, TracedEquations

FORWARD = """\
static void forward_row(
    long hidden, long units, const PROJECTED *projected, const REAL *product,
    const REAL *const *state, const REAL *parameters, PRODUCT *output, REAL *const *after) {"""
BACKWARD = """\
static void backward_row(
    long hidden, long units, const PROJECTED *projected, const PRODUCT *product,
    const REAL *const *state, const REAL *parameters, const PRODUCT *d_output,
    const REAL *const *d_after, PRODUCT *d_product, long stride, PROJECTED *d_projected,
    REAL *const *d_start, REAL *d_parameters) {"""


class Place(NamedTuple):
    """A C expression for the address of a head's first unit, and the type of the elements."""

    address: str
    type: str = "REAL"


class Store(NamedTuple):
    """An assignment of a value to a place, or an addition (`+=`)."""

    place: Place
    value: str
    operator: str = "="


def equations(program: TracedEquations, operand: Sequence[int]) -> str:
    """The text of equations.h: the sizes, and the functions forward_row and backward_row.

    Args:
        program: the cell's traced equations.
        operand: indices of the parts of the state that R multiplies.
    """
    results = {"output": program.output}
    results |= {f"after{part}": name for part, name in enumerate(program.after)}
    lines, gradients = program.derivatives([(name, f"d_{key}") for key, name in results.items()])
    shared = [gradients[name] for name in program.projected] == [
        gradients[name] for name in program.product
    ]
    parts = range(len(program.state))
    to_after = [Store(Place("output + at", "PRODUCT"), program.output)]
    to_after += [Store(Place(f"after[{part}] + at"), program.after[part]) for part in parts]
    seeds = {"d_output": Place("d_output + at", "PRODUCT")}
    seeds |= {f"d_after{part}": Place(f"d_after[{part}] + at") for part in parts}
    sizes = {
        "PARTS": len(program.state),
        "PARAMETERS": len(program.parameters),
        "PROJECTIONS": len(program.projected),
        "GATES": len(program.product),
        "SHARED": int(shared),
        "OPERAND": f"{{{', '.join(map(str, operand))}}}",
    }
    inputs = places(program, "PRODUCT")
    backward = gradient_stores(program, gradients, shared=shared)
    return "\n".join(
        [
            *(f"#define {name} {size}" for name, size in sizes.items()),
            *(FORWARD, *loop(places(program, "REAL"), program.lines(), to_after), "}"),
            *(BACKWARD, *loop(inputs | seeds, [*program.lines(), *lines], backward), "}\n"),
        ]
    )


def places(program: TracedEquations, product: str) -> dict[str, Place]:
    """The places of all arguments of the equations; `product` is the type of R·h."""
    result = {
        name: Place(f"projected + {k} * hidden + at", "PROJECTED")
        for k, name in enumerate(program.projected)
    }
    result |= {
        name: Place(f"product + GATES * at + {k} * units", product)
        for k, name in enumerate(program.product)
    }
    result |= {name: Place(f"state[{k}] + at") for k, name in enumerate(program.state)}
    return result | {
        name: Place(f"parameters + {k} * hidden + at") for k, name in enumerate(program.parameters)
    }


def gradient_stores(
    program: TracedEquations, gradients: dict[str, str], *, shared: bool
) -> list[Store]:
    """The stores of the gradients of all arguments of the equations."""
    stores = [
        Store(Place(f"d_product + at / units * stride + {k} * units", "PRODUCT"), gradients[name])
        for k, name in enumerate(program.product)
    ]
    stores += [
        Store(Place(f"d_start[{k}] + at"), gradients[name]) for k, name in enumerate(program.state)
    ]
    if not shared:
        stores += [
            Store(Place(f"d_projected + {k} * hidden + at", "PROJECTED"), gradients[name])
            for k, name in enumerate(program.projected)
        ]
    return stores + [
        Store(Place(f"d_parameters + {k} * hidden + at"), gradients[name], "+=")
        for k, name in enumerate(program.parameters)
    ]


def loop(inputs: dict[str, Place], lines: Iterable[str], stores: Sequence[Store]) -> Iterable[str]:
    """C code of the loops over heads and over the units of a head.

    Args:
        inputs: the places from which each unit's variables are read, by name.
        lines: the statements for one unit.
        stores: of the results.
    """
    yield "    for (long at = 0; at < hidden; at += units) {"
    for name, (address, kind) in inputs.items():
        yield f"        const {kind} *restrict from_{name} = {address};"
    for index, store in enumerate(stores):
        yield f"        {store.place.type} *restrict to_{index} = {store.place.address};"
    yield '        _Pragma("GCC ivdep")'
    yield "        for (long unit = 0; unit < units; unit++) {"
    for name in inputs:
        yield f"            const REAL {name} = READ(from_{name}[unit]);"
    for line in lines:
        yield f"            const REAL {line};"
    for index, (_, value, operator) in enumerate(stores):
        if operator == "=":
            yield f"            WRITE(to_{index}[unit], {value});"
        else:
            yield f"            to_{index}[unit] {operator} {value};"
    yield "        }\n    }"


@cache
def unavailable_reason() -> str | None:
    """The reason why nothing can be compiled here; None if the simplest cell can be compiled."""
    if reason := unsupported_machine():
        return reason
    sums = Statement("v0", "add", ("projected0", "product0"))
    simplest = TracedEquations(["projected0"], ["product0"], ["state0_0"], [], [sums], "v0", ["v0"])
    try:
        build(equations(simplest, (0,)), "float", "float", "float")
    except OSError as error:
        return f"no C program could be compiled: {error}"
    return None
