"""How many words a second a language model trains on, beside the same of torch's own modules.

PyTorch's word-level example puts an embedding, `nn.LSTM` with dropout, a linear map over the whole
vocabulary and its softmax together, and trains them in float32 by plain gradient descent. Here such
a model trains in turn with ours, round by round, on the same spans of the same text: the whole step
of each. Ours computes in what its recipe chooses. The example runs twice: in a process of its own,
as Python starts one, and in ours, where it has our settings of the allocator too, which make it
faster than it is.

    python benchmarks/language_model_speed.py --source FOLDER    # rows with a column text
    python benchmarks/language_model_speed.py --source FOLDER --hidden 200
    python benchmarks/language_model_speed.py --source FOLDER precision=float32
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from backends import processor
from torch import Tensor, nn
from turns import System, train_in_turn

from seqlstm.data.batching.streams import StreamBatches
from seqlstm.models.batch import Batch
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.train import Prepared, start

RATE, CLIP = 20.0, 0.25  # of the example


class Modules(nn.Module):
    """The example's model: torch's modules one after the other.

    Args:
        vocabulary: how many words.
        hidden: features of embeddings and of each layer.
        layers: of the LSTM.
        dropout: on embeddings, between layers, and on outputs.
    """

    def __init__(self, vocabulary: int, *, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Embedding(vocabulary, hidden)
        self.lstm = nn.LSTM(hidden, hidden, layers, dropout=dropout)
        self.output_layer = nn.Linear(hidden, vocabulary)

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(time, batch) -> log-probabilities (time · batch, vocabulary), and the state after."""
        outputs, state = self.lstm(self.dropout(self.embedding(inputs)), state)
        return self.output_layer(self.dropout(outputs)).flatten(0, 1).log_softmax(-1), state


def ours(prepared: Prepared) -> Iterator[int]:
    for one in prepared.run():
        if one.kind == "step":
            yield int(one.values["tokens"])


def modules(model: Modules, spans: Iterator[tuple[Tensor, Tensor]]) -> Iterator[int]:
    """Steps of the example: mean loss, gradients clipped by norm, plain descent."""
    state = None
    for inputs, targets in spans:
        if state is not None:
            state = (state[0].detach(), state[1].detach())
        model.zero_grad()
        chances, state = model(inputs.t().contiguous(), state)
        torch.autograd.backward(nn.functional.nll_loss(chances, targets.t().flatten()))
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        with torch.no_grad():
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.add_(parameter.grad, alpha=-RATE)
        yield targets.numel()


def spans(batches: Iterator[Batch]) -> Iterator[tuple[Tensor, Tensor]]:
    return ((batch.inputs, batch.targets) for batch in batches)


class Elsewhere:
    """The example in a process of its own. Begun before ours has changed its environment."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        context.Process(target=serve, args=(theirs,), daemon=True).start()

    def train(self, sizes: dict[str, float], batches: Iterator[Batch]) -> Iterator[int]:
        self.connection.send((torch.get_num_threads(), sizes))
        for inputs, targets in spans(batches):
            self.connection.send((inputs.numpy(), targets.numpy()))
            yield self.connection.recv()


def serve(connection: Connection) -> None:
    """Train on each span that comes, and say when it is done."""
    threads, sizes = connection.recv()
    torch.set_num_threads(threads)
    for tokens in modules(Modules(**sizes), received(connection)):
        connection.send(tokens)


def received(connection: Connection) -> Iterator[tuple[Tensor, Tensor]]:
    with suppress(EOFError):  # the other process is done
        while True:
            inputs, targets = connection.recv()
            yield torch.from_numpy(inputs), torch.from_numpy(targets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="a folder or Hub id with a column text")
    parser.add_argument("--hidden", type=int, default=650)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--span", type=int, default=35)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40, help="of a round")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="of our recipe")
    asked = parser.parse_args()
    between = f", between={asked.dropout}" if asked.layers > 1 else ""
    same = [
        f'data.source="{asked.source}"',
        f'data.batching={{kind="stream", batch_size={asked.rows}, bptt={asked.span}}}',
        f"model.embedding_dim={asked.hidden}",
        f"model.hidden_size={asked.hidden}",
        f"model.num_layers={asked.layers}",
        "model.tie_embeddings=false",
        'model.cell={kind="lstm"}',
        'model.output={kind="softmax"}',
        f"model.dropout={{embedding={asked.dropout}, output={asked.dropout}{between}, "
        "variational=false}",
        f'training.optimizer={{kind="sgd", learning_rate={RATE}}}',
        f"training.max_grad_norm={CLIP}",
        'training.schedule={kind="constant"}',
        *("training.regularizers=", "training.minutes=", "training.epochs=100"),
        *("training.validate_every=", "training.save_every=1000000", "device=cpu"),
        *(["data.name="] if Path(asked.source).exists() else []),  # of the Hub's data set alone
    ]
    elsewhere = Elsewhere()
    with tempfile.TemporaryDirectory() as folder:
        recipe = read_recipe("awd-lstm", [*same, *asked.overrides])
        prepared = start(recipe, Path(folder) / "run")
        batches = prepared.loop.batches
        assert isinstance(batches, StreamBatches)
        sizes = {
            "vocabulary": batches.tokenizer.vocab_size,
            **{name: getattr(asked, name) for name in ("hidden", "layers", "dropout")},
        }
        here = modules(Modules(**sizes), spans(batches.of_epoch(1, 0)))
        systems = {
            "ours": System(ours(prepared)),
            "torch's modules": System(elsewhere.train(sizes, batches.of_epoch(1, 0))),
            "torch's modules with our allocator": System(here),
        }
        for line in prepared.notes:
            print(line)
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {processor()}")
        train_in_turn(systems, rounds=asked.rounds, steps=asked.steps)


if __name__ == "__main__":
    main()
