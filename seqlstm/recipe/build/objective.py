"""Builder of the training objective."""

from __future__ import annotations

from seqlstm.config import Recipe
from seqlstm.models.regularizers import ActivationRegularizer
from seqlstm.training.objectives.cross_entropy import CrossEntropy


def build_objective(recipe: Recipe) -> CrossEntropy:
    """Cross-entropy with the recipe's label smoothing and regularizers."""
    training = recipe.training
    regularizers = training.regularizers
    return CrossEntropy(
        label_smoothing=training.label_smoothing,
        regularizer=ActivationRegularizer(**regularizers.model_dump()) if regularizers else None,
    )
