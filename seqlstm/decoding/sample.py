"""An endless stream of tokens, at constant memory and constant cost a step."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from seqlstm.decoding.advance import Advance
from seqlstm.decoding.choose import LONGEST_WINDOW, Choose
from seqlstm.recurrent.state import State


def sample(
    advance: Advance,
    *,
    token: Tensor,
    state: State,
    choose: Choose,
    memory: State | None = None,
    history: Tensor | None = None,
) -> Iterator[tuple[Tensor, State]]:
    """Choose one token after another, for all rows at once and without end.

    Yields `(token, state)`: the tokens just chosen, (rows,), and the state that has read all that
    came before them. This pair (and the history, under a repetition penalty) is what a later call
    takes to go on as if it had never stopped.

    Args:
        advance: the model's step.
        token: the last token that `state` has not read yet, (rows,).
        state: what the model has read so far.
        choose: from logits and history to tokens; see `chooser`.
        memory: what never changes, one row a sentence; None for a language model.
        history: the latest tokens, `token` the last of them, (rows, n), for `choose`; only `token`
            if None.
    """
    history = token[:, None] if history is None else history
    while True:
        # Not around the `yield`: gradients stay as they were for whoever takes the tokens.
        with torch.no_grad():
            logits, state = advance(token, state, memory)
            token = choose(logits, history)
            history = torch.cat([history, token[:, None]], -1)[:, -LONGEST_WINDOW:]
        yield token, state
