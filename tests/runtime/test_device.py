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
from seqlstm.runtime.threads import set_num_threads

CPU = torch.device("cpu")


@pytest.fixture(params=[0, 2])
def gpus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    count: int = request.param
    monkeypatch.setattr("torch.cuda.is_available", lambda: count > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    return count


def test_choose_device(gpus: int) -> None:
    assert choose_device("auto") == torch.device("cuda" if gpus else "cpu")
    assert choose_device("cpu") == CPU
    if gpus:
        assert choose_device("cuda:1") == torch.device("cuda:1")


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "cuda:2"])
def test_a_missing_gpu(name: str, gpus: int) -> None:
    if gpus and name != "cuda:2":
        return
    with pytest.raises(ArgumentError, match=f"device {name}: torch sees {gpus} CUDA devices"):
        choose_device(name)


@pytest.mark.parametrize(("native", "name"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_bfloat16_on_devices_that_compute_it_natively(
    native: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlstm.runtime.device.has_native_bfloat16", lambda device: native)
    precision = choose_precision("auto", CPU)
    assert (precision.name, precision.device) == (name, CPU)
    assert ("not" in precision.reason) != native
    for fixed in ("float32", "bfloat16"):
        assert choose_precision(fixed, CPU) == Precision(fixed, CPU, "set in the recipe")


def test_autocast_changes_products_but_no_weights() -> None:
    layer = nn.Linear(3, 2)
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        with choose_precision(name, CPU).autocast():
            assert layer(torch.ones(1, 3)).dtype == dtype
    assert layer.weight.dtype == torch.float32


def test_zero_threads_leave_torchs_default(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    monkeypatch.setattr("torch.set_num_threads", counts.append)
    monkeypatch.setattr("seqlstm.runtime.threads.available_cores", lambda: 4)
    set_num_threads(0)
    set_num_threads(3)
    assert counts == [3]


def test_there_are_no_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    monkeypatch.setattr("torch.set_num_threads", counts.append)
    monkeypatch.setattr("seqlstm.runtime.threads.available_cores", lambda: 4)
    with pytest.warns(UserWarning, match="4 threads run, not 100000"):
        set_num_threads(100_000)
    assert counts == [4]


FRAGMENTED_MEMORY = """
from pathlib import Path
import torch
from seqlstm.runtime.memory import release_memory, tune_allocator

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

tune_allocator()
before = resident()
tensors = [torch.ones(2**20) for _ in range(64)]  # 256 MB; the last one holds the heap's end
del tensors[:-1]
freed = resident()
release_memory()
print(before, freed, resident())
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not Path("/proc/self/status").is_file(),
    reason="needs glibc and Linux",
)
def test_freed_memory_is_kept_until_it_is_released() -> None:
    command = [sys.executable, "-c", FRAGMENTED_MEMORY]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    before, freed, released = map(int, process.stdout.split())  # in KB
    assert freed - before > 200_000
    assert freed - released > 200_000
