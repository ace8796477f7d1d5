"""Devices and numeric precision."""

from __future__ import annotations

import os
import platform
import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqlstm.errors import ArgumentError

X86_BFLOAT16_CHECKS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")


@dataclass(frozen=True)
class Precision:
    """The precision of matrix products, and the reason for the choice.

    Attributes:
        name: float32 or bfloat16.
        device: where autocast applies.
        reason: for the report of a run.
    """

    name: str
    device: torch.device
    reason: str

    def autocast(self) -> AbstractContextManager[Any]:
        """Autocast of matrix products to bfloat16; parameters and states stay in float32."""
        if self.name == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


def choose_device(name: str) -> torch.device:
    """The device of a name in a recipe or command; for auto a GPU if there is one.

    Raises:
        ArgumentError: the name is no device, or the machine has no such GPU.
    """
    # cuBLAS reads this when CUDA starts; without it, results may differ between equal runs.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    available = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if available else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise ArgumentError(f'no device "{name}"', hint="Known: auto, cpu, cuda, cuda:1.")
    device = torch.device(name)
    count = torch.cuda.device_count() if available else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ArgumentError(
            f"device {name}: torch sees {count} CUDA devices", hint="device=cpu runs anywhere"
        )
    return device


def choose_precision(name: str, device: torch.device) -> Precision:
    """The precision of a name in a recipe; for auto bfloat16 if the device computes it natively."""
    if name != "auto":
        return Precision(name, device, "set in the recipe")
    if has_native_bfloat16(device):
        return Precision("bfloat16", device, "this machine computes it natively")
    return Precision("float32", device, "this machine does not compute bfloat16 natively")


def has_native_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for matrix products in bfloat16."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    # On x86 oneDNN also reports emulated bfloat16, so check the processor itself.
    checks = (getattr(torch.cpu, name, None) for name in X86_BFLOAT16_CHECKS)
    return any(check is not None and check() for check in checks)


def to_device(value: Any, device: torch.device) -> Any:
    """A copy of nested tuples, lists and dictionaries with every tensor on the device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: to_device(part, device) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(to_device(part, device) for part in value)
    return value
