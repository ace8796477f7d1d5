"""Training speed of a language model in words a second, beside the same model of torch's modules.

PyTorch's word-level example combines an embedding, `nn.LSTM` with dropout and a full softmax, and
trains them in float32 by plain gradient descent. Here that model trains in turn with ours, round by
round, on the same batches of the same text: the whole step of each. Ours computes in the precision
of its recipe. The example runs twice: in a process of its own, as Python starts one, and in our
process, with our allocator settings, which make it faster.

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
from interleaved import System, train_interleaved
from torch import Tensor, nn

from seqlstm.data.batching.streams import StreamBatches
from seqlstm.models.batch import Batch
from seqlstm.recipe.prepare import Prepared
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.train import start

LEARNING_RATE, MAX_GRAD_NORM = 20.0, 0.25  # of the example


class ExampleModel(nn.Module):
    """The language model of PyTorch's word-level example.

    Args:
        vocabulary: number of words.
        hidden: size of embeddings and of each layer.
        layers: of the LSTM.
        dropout: probability on embeddings, between layers, and on outputs.
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
    """Target tokens of each step."""
    for report in prepared.run():
        if report.kind == "step":
            yield int(report.values["tokens"])


def train_example(model: ExampleModel, batches: Iterator[tuple[Tensor, Tensor]]) -> Iterator[int]:
    """Target tokens of each step: mean loss, gradients clipped by norm, plain gradient descent."""
    state = None
    for inputs, targets in batches:
        if state is not None:
            state = (state[0].detach(), state[1].detach())
        model.zero_grad()
        log_probs, state = model(inputs.t().contiguous(), state)
        torch.autograd.backward(nn.functional.nll_loss(log_probs, targets.t().flatten()))
        nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        with torch.no_grad():
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.add_(parameter.grad, alpha=-LEARNING_RATE)
        yield targets.numel()


def inputs_and_targets(batches: Iterator[Batch]) -> Iterator[tuple[Tensor, Tensor]]:
    return ((batch.inputs, batch.targets) for batch in batches)


class ExampleProcess:
    """The example in a process of its own, started before ours changes its environment."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        context.Process(target=serve, args=(other,), daemon=True).start()

    def train(self, sizes: dict[str, float], batches: Iterator[Batch]) -> Iterator[int]:
        self.connection.send((torch.get_num_threads(), sizes))
        for inputs, targets in inputs_and_targets(batches):
            self.connection.send((inputs.numpy(), targets.numpy()))
            yield self.connection.recv()


def serve(connection: Connection) -> None:
    """Train on each batch received, and send its tokens when the step is done."""
    threads, sizes = connection.recv()
    torch.set_num_threads(threads)
    for tokens in train_example(ExampleModel(**sizes), received(connection)):
        connection.send(tokens)


def received(connection: Connection) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches until the other process closes the connection."""
    with suppress(EOFError):
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
    arguments = parser.parse_args()
    inter_layer = f", inter_layer={arguments.dropout}" if arguments.layers > 1 else ""
    overrides = [
        f'data.source="{arguments.source}"',
        f'data.batching={{kind="stream", batch_size={arguments.rows}, bptt={arguments.span}}}',
        f"model.embedding_dim={arguments.hidden}",
        f"model.hidden_size={arguments.hidden}",
        f"model.num_layers={arguments.layers}",
        "model.tie_embeddings=false",
        'model.cell={kind="lstm"}',
        'model.output={kind="softmax"}',
        f"model.dropout={{embedding={arguments.dropout}, output={arguments.dropout}{inter_layer}, "
        "variational=false}",
        f'training.optimizer={{kind="sgd", learning_rate={LEARNING_RATE}}}',
        f"training.max_grad_norm={MAX_GRAD_NORM}",
        'training.schedule={kind="constant"}',
        *("training.regularizers=", "training.minutes=", "training.epochs=100"),
        *("training.validate_every=", "training.save_every=1000000", "device=cpu"),
        *(
            ["data.name="] if Path(arguments.source).exists() else []
        ),  # a key of Hub data sets alone
    ]
    example = ExampleProcess()
    with tempfile.TemporaryDirectory() as folder:
        recipe = read_recipe("awd-lstm", [*overrides, *arguments.overrides])
        prepared = start(recipe, Path(folder) / "run")
        batches = prepared.loop.batches
        assert isinstance(batches, StreamBatches)
        sizes = {
            "vocabulary": batches.tokenizer.vocab_size,
            **{name: getattr(arguments, name) for name in ("hidden", "layers", "dropout")},
        }
        example_here = train_example(
            ExampleModel(**sizes), inputs_and_targets(batches.of_epoch(1, 0))
        )
        systems = {
            "ours": System(ours(prepared)),
            "torch's modules": System(example.train(sizes, batches.of_epoch(1, 0))),
            "torch's modules with our allocator": System(example_here),
        }
        print(*prepared.notes, sep="\n")
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {processor()}")
        train_interleaved(systems, rounds=arguments.rounds, steps=arguments.steps)


if __name__ == "__main__":
    main()
