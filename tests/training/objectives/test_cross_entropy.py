"""The objective against `torch.nn.functional.cross_entropy`."""

from __future__ import annotations

import pytest
from torch import nn

from seqlstm.models.language_model import LanguageModel
from seqlstm.models.translator import Translator
from seqlstm.training.objectives.cross_entropy import CrossEntropy
from tests.models.cases import LENGTHS, VOCABULARY, pair_batch, text_batch
from tests.recurrent.cases import assert_same
from tests.tiny import random_language_model, random_translator

MODELS = {"language-model": random_language_model, "translation": random_translator}
BATCHES = {"language-model": lambda: text_batch(LENGTHS), "translation": pair_batch}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("task", MODELS)
def test_equals_pytorch_with_smoothing_in_training_mode_only(task: str, training: bool) -> None:
    model: LanguageModel | Translator = MODELS[task](VOCABULARY).train(training)
    batch = BATCHES[task]()
    loss, tokens, _ = CrossEntropy(label_smoothing=0.3)(model, batch)
    features, targets = batch.select_targets(model(batch).features)
    expected = nn.functional.cross_entropy(
        model.output_layer(features),
        targets,
        label_smoothing=0.3 if training else 0.0,
        reduction="sum",
    )
    assert_same(loss, expected)
    assert tokens == len(targets) == sum(LENGTHS)


def test_padding_is_not_selected() -> None:
    batch = text_batch(LENGTHS)
    features = batch.targets.t().unsqueeze(-1).double()  # each step's feature is its target
    selected, targets = batch.select_targets(features)
    assert selected.squeeze(-1).tolist() == targets.tolist()
    ordered = [
        int(batch.targets[row, time])
        for time in range(max(LENGTHS))
        for row, length in enumerate(LENGTHS)
        if time < length
    ]
    assert targets.tolist() == ordered
