"""Devices and numeric precision."""

from __future__ import annotations

import os
import platform
import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from seqlstm.errors import ArgumentError


@dataclass(frozen=True)
class Precision:
    """The precision of products, and the reason for the choice.

    Attributes:
        name: float32 or bfloat16.
        device: that of its autocast.
        reason: in words, for the report of a run.
    """

    name: str
    device: torch.device
    reason: str

    def autocast(self) -> AbstractContextManager[Any]:
        """Autocast of products to bfloat16; parameters, states and sums stay in float32."""
        if self.name == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


def choose_device(wanted: str) -> torch.device:
    """The device of a recipe's or command's `device`.

    Raises:
        ArgumentError: no such device, or a GPU where there is none.
    """
    # cuBLAS reads this when CUDA starts: without it, its sums may differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    available = torch.cuda.is_available()
    if wanted == "auto":
        return torch.device("cuda" if available else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", wanted):
        raise ArgumentError(f'no device "{wanted}"', hint="Known: auto, cpu, cuda, cuda:1.")
    device = torch.device(wanted)
    count = torch.cuda.device_count() if available else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ArgumentError(
            f"device {wanted}: torch sees {count} CUDA devices", hint="device=cpu runs anywhere"
        )
    return device


def choose_precision(wanted: str, device: torch.device) -> Precision:
    """The precision of a recipe's `precision`; for auto bfloat16 where the machine has it."""
    if wanted != "auto":
        return Precision(wanted, device, "as the recipe asks")
    if has_native_bfloat16(device):
        return Precision("bfloat16", device, "this machine computes it natively")
    return Precision("float32", device, "this machine does not compute bfloat16 natively")


def has_native_bfloat16(device: torch.device) -> bool:
    """Whether the machine has instructions for products in bfloat16."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    # oneDNN also supports what it emulates: on x86 the processor must have the instructions.
    features = (getattr(torch.cpu, name, None) for name in X86_BFLOAT16)
    return any(feature is not None and feature() for feature in features)


X86_BFLOAT16 = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
