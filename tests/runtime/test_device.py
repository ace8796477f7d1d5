from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from seqlstm.errors import ArgumentError
from seqlstm.runtime.device import Precision, choose_device, choose_precision
from seqlstm.runtime.memory import set_num_threads

CPU = torch.device("cpu")


@pytest.fixture(params=[0, 2])
def gpus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    count: int = request.param
    monkeypatch.setattr("torch.cuda.is_available", lambda: count > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    return count


def test_the_device_by_availability_or_by_name(gpus: int) -> None:
    assert choose_device("auto") == torch.device("cuda" if gpus else "cpu")
    assert choose_device("cpu") == CPU
    if gpus:
        assert choose_device("cuda:1") == torch.device("cuda:1")


@pytest.mark.parametrize("wanted", ["cuda", "cuda:1", "cuda:2"])
def test_a_gpu_that_is_not_there(wanted: str, gpus: int) -> None:
    if gpus and wanted != "cuda:2":
        return
    with pytest.raises(ArgumentError, match=f"device {wanted}: torch sees {gpus} CUDA devices"):
        choose_device(wanted)


@pytest.mark.parametrize(("native", "name"), [(True, "bfloat16"), (False, "float32")])
def test_bfloat16_where_it_is_native(
    native: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlstm.runtime.device.has_native_bfloat16", lambda device: native)
    chosen = choose_precision("auto", CPU)
    assert (chosen.name, chosen.device) == (name, CPU)
    assert ("not" in chosen.reason) != native
    for wanted in ("float32", "bfloat16"):
        assert choose_precision(wanted, CPU) == Precision(wanted, CPU, "as the recipe asks")


def test_products_alone_are_rounded() -> None:
    layer = nn.Linear(3, 2)
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        with choose_precision(name, CPU).autocast():
            assert layer(torch.ones(1, 3)).dtype == dtype
    assert layer.weight.dtype == torch.float32


def test_zero_leaves_the_threads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr("torch.set_num_threads", asked.append)
    set_num_threads(0)
    set_num_threads(3)
    assert asked == [3]


HOLES = """
from pathlib import Path
import torch
from seqlstm.runtime.memory import release_memory, tune_allocator

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

tune_allocator()
before = resident()
tensors = [torch.ones(2**20) for _ in range(64)]  # 256 MB, with the last on top of them
del tensors[:-1]
kept = resident()
release_memory()
print(before, kept, resident())
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not Path("/proc/self/status").is_file(),
    reason="memory is glibc's to keep",
)
def test_memory_is_kept_until_it_is_given_back() -> None:
    command = [sys.executable, "-c", HOLES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, kept, left = map(int, done.stdout.split())  # in KB
    assert kept - before > 200_000
    assert kept - left > 200_000
