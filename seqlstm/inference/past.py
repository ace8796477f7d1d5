"""The past of a language model as a thing: kept, branched, joined, written to a file and read back.

All that a recurrent model knows of a text, however long, is one state: a few kilobytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor, nn

from seqlstm.decoding.logits import MAX_HISTORY
from seqlstm.errors import ArgumentError, FileError, RunError
from seqlstm.recurrent.state import State, leaves, map_state, select
from seqlstm.runtime.files import load_weights, write_atomically
from seqlstm.text.tokenizer import Tokenizer

FORMAT = 1


class Origin(NamedTuple):
    """Whose past it is: the fingerprints of a tokenizer and of a model's weights."""

    tokenizer: str
    weights: str


def origin_of(model: nn.Module, tokenizer: Tokenizer) -> Origin:
    """Twelve hexadecimal digits each. The same on any device."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        digest.update(f"{name}:{tuple(parameter.shape)}:".encode())
        digest.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return Origin(tokenizer.fingerprint, digest.hexdigest()[:12])


@dataclass(frozen=True, eq=False)
class Past:
    """What a language model knows of the texts that it has read, one text a row. It never changes.

    Attributes:
        state: of the model, which has read all but the last id of each text.
        token: that last id, (rows,); what ends a text before anything was read.
        history: the latest ids of each text, (n,) each and n at most `MAX_HISTORY`: what spells
            on from them, or penalizes repetition, looks back no further.
        origin: whose past it is.
    """

    state: State
    token: Tensor
    history: tuple[Tensor, ...]
    origin: Origin

    def __len__(self) -> int:
        return len(self.history)

    def refuse_unless(self, origin: Origin) -> None:
        """Make sure that it is the past of a run.

        Raises:
            ArgumentError: it is that of another.
        """
        if difference := unlike(self.origin, origin):
            raise ArgumentError(f"this is the past of another run: {difference}")

    def select(self, rows: Sequence[int]) -> Past:
        """That of the given rows, in their order; a row may come more than once."""
        indices = torch.tensor(rows, dtype=torch.long, device=self.token.device)
        state, token = select((self.state, self.token), indices)
        history = tuple(self.history[row] for row in rows)
        return replace(self, state=state, token=token, history=history)

    def branch(self, count: int) -> Past:
        """One text as `count` rows, which may then go on differently.

        Raises:
            ValueError: there are several texts already.
        """
        if len(self) != 1:
            raise ValueError(f"one text can be branched, not {len(self)}: select one first")
        return self.select([0] * count)

    @staticmethod
    def batch(pasts: Sequence[Past]) -> Past:
        """All rows of several pasts, one below the other.

        Raises:
            ValueError: there is none.
            ArgumentError: they are not of one run.
        """
        if not pasts:
            raise ValueError("there must be a past to join, were: none")
        first = pasts[0]
        for past in pasts[1:]:
            past.refuse_unless(first.origin)
        return replace(
            first,
            state=map_state(lambda *parts: torch.cat(parts), *(past.state for past in pasts)),
            token=torch.cat([past.token for past in pasts]),
            history=tuple(row for past in pasts for row in past.history),
        )

    def followed(self, state: State, ids: Sequence[Sequence[int]]) -> Past:
        """The past once the model has read on up to `state`, and `ids` have come in every row."""
        said = [torch.tensor(row, dtype=torch.long, device=self.token.device) for row in ids]
        rows = zip(self.history, said, strict=True)
        lasts = [row[-1:] if len(row) else self.token[at : at + 1] for at, row in enumerate(said)]
        return replace(
            self,
            state=state,
            token=torch.cat(lasts),
            history=tuple(torch.cat(row)[-MAX_HISTORY:] for row in rows),
        )

    def save(self, file: str | Path) -> None:
        """Write it as safetensors, whole or not at all.

        Raises:
            RunError: the file cannot be written.
        """
        path = Path(file)
        if not path.parent.is_dir():
            raise RunError(f"{path} cannot be written: there is no folder {path.parent}")
        tensors = {f"state.{at}": part for at, part in enumerate(leaves(self.state))}
        tensors |= {f"history.{at}": ids.int() for at, ids in enumerate(self.history)}
        tensors |= {"token": self.token.int()}
        note = json.dumps({"format": FORMAT, **self.origin._asdict()})
        whole = {name: part.detach().cpu().clone() for name, part in tensors.items()}
        try:
            write_atomically(path, safetensors.torch.save(whole, {"past": note}))
        except FileError as error:
            raise RunError(error.message) from error

    @staticmethod
    def load(file: str | Path, *, like: Past) -> Past:
        """What `save` wrote, on the device of `like`.

        Args:
            file: a path.
            like: any past of the same run, such as that of no text.

        Raises:
            RunError: the file is missing, damaged, too new, or the past of another run.
        """
        path = Path(file)
        tensors = load_weights(path)
        refuse_foreign(path, like.origin)
        try:
            token, device = tensors["token"].long(), like.token.device
            parts = iter(range(len(tensors)))
            state = map_state(
                lambda part: fitting(tensors[f"state.{next(parts)}"], part, rows=len(token)),
                like.state,
            )
            history = tuple(
                tensors[f"history.{row}"].long().to(device) for row in range(len(token))
            )
        except (KeyError, ValueError) as error:
            raise RunError(f"{path} is damaged: {error} does not fit") from error
        return replace(like, state=state, token=token.to(device), history=history)


def fitting(saved: Tensor, like: Tensor, *, rows: int) -> Tensor:
    """A saved part of a state, where and in what precision the part of another is.

    Raises:
        ValueError: it has another shape.
    """
    if saved.shape != (rows, *like.shape[1:]):
        raise ValueError(f"a state of {tuple(saved.shape)}")
    return saved.to(like)


def refuse_foreign(path: Path, origin: Origin) -> None:
    """Make sure that the file holds a past, and of this run.

    Raises:
        RunError: it does not.
    """
    with safe_open(path, framework="pt") as file:
        note = (file.metadata() or {}).get("past")
    if note is None:
        raise RunError(f"{path} holds no past of a language model")
    written = json.loads(note)
    if written["format"] > FORMAT:
        raise RunError(f"{path} was written by a newer seqlstm", hint="Upgrade seqlstm.")
    if difference := unlike(Origin(written["tokenizer"], written["weights"]), origin):
        raise RunError(
            f"{path} is the past of another run: {difference}",
            hint="A state means something only to the very weights that made it.",
        )


def unlike(one: Origin, other: Origin) -> str | None:
    """In what the two differ, in words; None if in nothing."""
    for name, mine, theirs in zip(Origin._fields, one, other, strict=True):
        if mine != theirs:
            return f"{name} {mine}, not {theirs}"
    return None
