"""Old names of keys and values in recipes, and their new names."""

from __future__ import annotations

from typing import Any

from seqlstm.config.base import Table
from seqlstm.config.values import toml_key
from seqlstm.errors import Mistake

RENAMED_KEYS = {
    "data.layout": "data.batching",
    "data.layout.tokens": "data.batching.max_tokens",
    "data.layout.window": "data.batching.shuffle_window",
    "data.layout.rows": "data.batching.batch_size",
    "data.layout.span": "data.batching.bptt",
    "data.layout.spread": "data.batching.bptt_std",
    "data.layout.resets": "data.batching.reset_at_document",
    "data.layout.afresh": "data.batching.reset_probability",
    "data.answer": "data.completion",
    "data.longest": "data.max_length",
    "data.ratio": "data.max_length_ratio",
    "tokenizer.kind": "tokenizer.model_type",
    "tokenizer.vocabulary": "tokenizer.vocab_size",
    "tokenizer.sampling": "tokenizer.subword_regularization",
    "tokenizer.normalisation": "tokenizer.normalization",
    "tokenizer.closed": "tokenizer.closed_vocabulary",
    "tokenizer.input_sentences": "tokenizer.input_sentence_size",
    "model.width": "model.embedding_dim",
    "model.hidden": "model.hidden_size",
    "model.layers": "model.num_layers",
    "model.tied": "model.tie_embeddings",
    "model.engine": "model.backend",
    "model.encoder.hidden": "model.encoder.hidden_size",
    "model.encoder.layers": "model.encoder.num_layers",
    "model.decoder.hidden": "model.decoder.hidden_size",
    "model.decoder.layers": "model.decoder.num_layers",
    "model.readout": "model.output",
    "model.readout.experts": "model.output.num_experts",
    "model.dropout.between": "model.dropout.inter_layer",
    "model.dropout.recurrent": "model.dropout.weight_drop",
    "training.optimizer.rate": "training.optimizer.learning_rate",
    "training.schedule.warmup": "training.schedule.warmup_steps",
    "training.schedule.floor": "training.schedule.min_lr_ratio",
    "training.clip": "training.max_grad_norm",
    "training.accumulate": "training.gradient_accumulation",
    "training.penalties": "training.regularizers",
    "training.average": "training.averaging",
    "training.best_by": "training.metric",
    "decoding.width": "decoding.beam_size",
    "decoding.no_repeat": "decoding.no_repeat_ngram_size",
}
RENAMED_VALUES = {
    "data.batching.kind": {"buckets": "tokens", "tapes": "stream"},
    "model.cell.kind": {
        "original": "lstm-1997",
        "coupled": "cifg",
        "greff": "odyssey",
        "timeaware": "time-aware",
        "layernorm": "layer-norm",
    },
    "model.decoder.kind": {"plain": "no-attention"},
    "model.output.kind": {"adaptive": "adaptive-softmax", "mixture": "mixture-of-softmaxes"},
    "model.backend": {
        "compiled": "native",
        "library": "torch-fused",
        "hoisted": "manual-bptt",
    },
}
"""By new key: old values and new ones."""

ALSO = {"data.answer": ', with task = "prompts" and data.prompt in place of data.text'}
"""Other changes that come with a new key."""

# Old keys by their tables' new names: a renamed table may hold old keys.
NEW_KEYS = {
    ".".join([*new.split(".")[:-1], old.split(".")[-1]]): new for old, new in RENAMED_KEYS.items()
}


def rename_keys(table: Table) -> tuple[Table, list[Mistake]]:
    """The table with new names, and a mistake for every old name in it."""
    data = table.get("data")
    if table.get("task") == "language-model" and isinstance(data, dict) and "answer" in data:
        columns = {"prompt" if key == "text" else key: value for key, value in data.items()}
        table = {**table, "task": "prompts", "data": columns}
    return rename_below(table, written="", path="")


def rename_below(table: Table, *, written: str, path: str) -> tuple[Table, list[Mistake]]:
    """The keys and values of one table under new names.

    Args:
        table: any table of a recipe.
        written: prefix of its keys as the recipe has them, such as "data.layout.".
        path: the same under new names, such as "data.batching.".
    """
    result: Table = {}
    mistakes = []
    for key, value in table.items():
        old = f"{written}{toml_key(key)}"
        new = f"{path}{key}" if "." in key else NEW_KEYS.get(f"{path}{key}", f"{path}{key}")
        if new != f"{path}{key}":
            mistakes.append(Mistake(old, "renamed", f"now {new}{ALSO.get(old, '')}"))
        name = key if new == f"{path}{key}" else new.rpartition(".")[2]
        if isinstance(value, dict):
            inner, more = rename_below(value, written=f"{old}.", path=f"{new}.")
            mistakes += more
            before = result.get(name)
            result[name] = {**before, **inner} if isinstance(before, dict) else inner
            continue
        renamed = new_value(new, value)
        if renamed is not value:
            mistakes.append(Mistake(old, f'"{value}" was renamed', f'now {new} = "{renamed}"'))
        result[name] = renamed
    return result, mistakes


def new_value(key: str, value: Any) -> Any:
    return RENAMED_VALUES.get(key, {}).get(value, value) if isinstance(value, str) else value
