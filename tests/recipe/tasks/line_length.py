"""A third task, as a stranger would add it: whether a line is long, from its last features."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy

from seqlstm.data.batching.prompts import PromptBatches
from seqlstm.evaluation.accuracy import encode_prompts
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.output.softmax import OutputLayer
from seqlstm.recipe.build.layers import build_embedding, build_stack
from seqlstm.recipe.tasks.base import Evaluation, Task

LONG = 20  # pieces


def classify(model: Any, batch: Any) -> tuple[Any, Any]:
    """Logits (rows, 2) and classes (rows,): the only target of a row is the </s> at its end."""
    features, _ = batch.select_targets(model(batch).features)
    return model.output_layer(features), (batch.target_index // len(batch.inputs) >= LONG).long()


@torch.no_grad()
def accuracy(model: Any, lines: Any, tokenizer: Any) -> float:
    batches = encode_prompts([(line, "") for line in lines], tokenizer=tokenizer)
    results = (classify(model, batch) for batch in batches)
    return sum(int((logits.argmax(-1) == y).sum()) for logits, y in results) / len(lines)


class LineLengthTask(Task):
    noun, columns, batching = "a classifier of lines", ("text",), "tokens"
    metrics, scores = ("accuracy",), ("accuracy",)

    def clean(self, recipe: Any, corpus: Any, tokenizers: Any, *, written: Any) -> Any:
        return corpus, None, f"{len(corpus)} lines"

    def targets(self, corpus: Any) -> Any:
        return corpus.texts

    def build_model(self, recipe: Any, vocab_sizes: Any) -> LanguageModel:
        width, hidden = recipe.model.embedding_dim, recipe.model.hidden_size
        stack = build_stack(recipe.model, input_size=width, hidden_size=hidden, num_layers=1)
        embedding, output = build_embedding(recipe.model, vocab_sizes[1]), OutputLayer(hidden, 2)
        return LanguageModel(embedding=embedding, stack=stack, output_layer=output)

    def build_objective(self, recipe: Any) -> Any:
        return lambda model, batch, state: (
            cross_entropy(*classify(model, batch), reduction="sum"), batch.tokens, None
        )  # fmt: skip

    def make_batches(self, recipe: Any, corpus: Any) -> PromptBatches:
        pairs, options = [(line, "") for line in corpus.train.texts], recipe.data.batching
        sizes = {"max_tokens": options.max_tokens, "shuffle_window": options.shuffle_window}
        return PromptBatches(pairs, tokenizers=corpus.tokenizers, **sizes)

    def make_validation(self, recipe: Any, model: Any, corpus: Any, precision: Any) -> Any:
        lines, tokenizer = corpus.validation.texts, corpus.tokenizers.target
        return lambda: {"accuracy": accuracy(model, lines, tokenizer)}

    def load(self, recipe: Any, model: Any, tokenizers: Any, precision: Any) -> Any:
        return lambda lines: accuracy(model.eval(), lines, tokenizers.target)

    def evaluate(self, recipe: Any, loaded: Any, corpora: Any, options: Any) -> list[Evaluation]:
        return [Evaluation({"accuracy": loaded(corpus.texts)}) for corpus in corpora]
