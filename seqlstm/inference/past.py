"""The past of a language model: its state after a text, which can be saved and continued.

For a recurrent model, the state has the same size, a few kilobytes, after a text of any length.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqlstm.decoding.logits import MAX_HISTORY
from seqlstm.errors import ArgumentError, FileError, RunError
from seqlstm.recurrent.state import State, leaves, map_state, select
from seqlstm.runtime.digests import MARK, PLACEHOLDER
from seqlstm.runtime.files import load_weights, save_sealed
from seqlstm.text.tokenizer import Tokenizer

FORMAT = 1


class Origin(NamedTuple):
    """Fingerprints of the tokenizer and the weights with which a past was computed."""

    tokenizer: str
    weights: str


def origin_of(model: nn.Module, tokenizer: Tokenizer) -> Origin:
    """The fingerprints of a run, twelve hexadecimal digits each, the same on every device."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        digest.update(f"{name}:{tuple(parameter.shape)}:".encode())
        digest.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return Origin(tokenizer.fingerprint, digest.hexdigest()[:12])


@dataclass(frozen=True, eq=False)
class Past:
    """The state of a language model after it has read texts, one text in each row. Immutable.

    Attributes:
        state: of the model after all ids but the last of each text.
        token: the last id of each text, (rows,); the end token if nothing has been read.
        history: the latest ids of each text, (n,) each, n at most `MAX_HISTORY`; needed to decode
            text and for repetition penalties.
        origin: fingerprints of the run with which the past was computed.
    """

    state: State
    token: Tensor
    history: tuple[Tensor, ...]
    origin: Origin

    def __len__(self) -> int:
        return len(self.history)

    def check_origin(self, origin: Origin) -> None:
        """Check that the past comes from the run with this origin.

        Raises:
            ArgumentError: it comes from another run.
        """
        if difference := difference_of(self.origin, origin):
            raise ArgumentError(f"this is the past of another run: {difference}")

    def select(self, rows: Sequence[int]) -> Past:
        """The past of these rows, in this order; a row may be selected more than once."""
        indices = torch.tensor(rows, dtype=torch.long, device=self.token.device)
        state, token = select((self.state, self.token), indices)
        history = tuple(self.history[row] for row in rows)
        return replace(self, state=state, token=token, history=history)

    def branch(self, count: int) -> Past:
        """`count` copies of a single text, which can then be continued differently.

        Raises:
            ValueError: the past has several texts.
        """
        if len(self) != 1:
            raise ValueError(f"one text can be branched, not {len(self)}: select one first")
        return self.select([0] * count)

    @staticmethod
    def batch(pasts: Sequence[Past]) -> Past:
        """The rows of several pasts as one past.

        Raises:
            ValueError: there are no pasts.
            ArgumentError: the pasts come from different runs.
        """
        if not pasts:
            raise ValueError("there must be a past to join, were: none")
        first = pasts[0]
        for past in pasts[1:]:
            past.check_origin(first.origin)
        return replace(
            first,
            state=map_state(lambda *parts: torch.cat(parts), *(past.state for past in pasts)),
            token=torch.cat([past.token for past in pasts]),
            history=tuple(row for past in pasts for row in past.history),
        )

    def extend(self, state: State, ids: Sequence[Sequence[int]]) -> Past:
        """The past after more ids in every row.

        Args:
            state: of the model after all of these ids but the last of each row.
            ids: of each row, perhaps none.
        """
        rows = [torch.tensor(row, dtype=torch.long, device=self.token.device) for row in ids]
        tokens = [
            row[-1:] if len(row) else self.token[index : index + 1]
            for index, row in enumerate(rows)
        ]
        return replace(
            self,
            state=state,
            token=torch.cat(tokens),
            history=tuple(
                torch.cat([before, row])[-MAX_HISTORY:]
                for before, row in zip(self.history, rows, strict=True)
            ),
        )

    def save(self, file: str | Path) -> None:
        """Write the past as a safetensors file, atomically.

        Raises:
            RunError: the file cannot be written.
        """
        path = Path(file)
        if not path.parent.is_dir():
            raise RunError(f"{path} cannot be written: there is no folder {path.parent}")
        tensors = {f"state.{index}": part for index, part in enumerate(leaves(self.state))}
        tensors |= {f"history.{index}": ids.int() for index, ids in enumerate(self.history)}
        tensors |= {"token": self.token.int()}
        tensors = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
        header = {"format": FORMAT, **self.origin._asdict(), "digest": PLACEHOLDER.decode()}
        try:
            save_sealed(path, tensors, {"past": json.dumps(header)})
        except FileError as error:
            raise RunError(error.message, hint=error.hint) from error

    @staticmethod
    def load(file: str | Path, *, like: Past) -> Past:
        """Read a file that `save` wrote, to the device of `like`.

        Args:
            file: a path.
            like: any past of the same run, such as the past of an empty text.

        Raises:
            RunError: the file is missing, damaged, too new, or the past of another run.
        """
        path = Path(file)
        tensors, metadata = load_weights(path, sealed=False)
        check_header(path, metadata, like.origin)
        try:
            token, device = tensors["token"].long(), like.token.device
            parts = iter(range(len(tensors)))
            state = map_state(
                lambda part: convert(tensors[f"state.{next(parts)}"], part, rows=len(token)),
                like.state,
            )
            history = tuple(
                tensors[f"history.{row}"].long().to(device) for row in range(len(token))
            )
        except (KeyError, ValueError) as error:
            raise RunError(f"{path} is damaged: {error} does not fit") from error
        return replace(like, state=state, token=token.to(device), history=history)


def convert(saved: Tensor, like: Tensor, *, rows: int) -> Tensor:
    """A saved tensor of a state, on the device and in the dtype of the tensor `like`.

    Raises:
        ValueError: the saved tensor has another shape.
    """
    if saved.shape != (rows, *like.shape[1:]):
        raise ValueError(f"a state of {tuple(saved.shape)}")
    return saved.to(like)


def check_header(path: Path, metadata: dict[str, str], origin: Origin) -> None:
    """Check that the metadata of a file are those of a past of the run with this origin.

    Raises:
        RunError: it holds something else, a past of another run, or a newer format.
    """
    if "past" not in metadata:
        raise RunError(f"{path} holds no past of a language model")
    try:
        header = json.loads(metadata["past"])
        newer, found = header["format"] > FORMAT, Origin(header["tokenizer"], header["weights"])
        if not header.get("digest", MARK.decode()).startswith(MARK.decode()):  # older: none
            raise ValueError("no digest")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {error} in its header") from error
    if newer:
        raise RunError(f"{path} was written by a newer seqlstm", hint="Upgrade seqlstm.")
    if difference := difference_of(found, origin):
        raise RunError(
            f"{path} is the past of another run: {difference}",
            hint="A state means something only to the very weights that made it.",
        )


def difference_of(origin: Origin, other: Origin) -> str | None:
    """A description of the first difference between two origins; None if they are equal."""
    for name, first, second in zip(Origin._fields, origin, other, strict=True):
        if first != second:
            return f"{name} {first}, not {second}"
    return None
