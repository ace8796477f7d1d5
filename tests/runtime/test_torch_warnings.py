from __future__ import annotations

import warnings

from seqlstm.runtime.torch_warnings import ignore_cudnn_weight_copies


def test_other_warnings_are_still_shown() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ignore_cudnn_weight_copies()
        warnings.warn("RNN module weights are not part of single contiguous chunk", stacklevel=1)
        warnings.warn("another warning", stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["another warning"]
