"""What a run measures of its model while it trains."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from seqlstm.config import Recipe
from seqlstm.config.sections import Tapes
from seqlstm.data.buckets import bucket, pair_batch
from seqlstm.data.sources import Corpus
from seqlstm.evaluation import translation
from seqlstm.evaluation.perplexity import score_text
from seqlstm.inference.translation import LoadedTranslator
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.translator import Translator
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.training.precision import Precision


def make_validation(
    recipe: Recipe,
    model: nn.Module,
    tokenizer: Tokenizer,
    corpus: Corpus | None,
    precision: Precision,
) -> Callable[[], dict[str, float]] | None:
    """A measurement of the model on the validation split, if there is one."""
    if corpus is None:
        return None
    if isinstance(model, LanguageModel):
        return lambda: validate_language(recipe, model, tokenizer, corpus, precision)
    assert isinstance(model, Translator)
    return lambda: validate_translation(recipe, model, tokenizer, corpus, precision)


def validate_language(
    recipe: Recipe,
    model: LanguageModel,
    tokenizer: Tokenizer,
    corpus: Corpus,
    precision: Precision,
) -> dict[str, float]:
    layout = recipe.data.layout
    assert isinstance(layout, Tapes)
    scores = score_text(
        model,
        corpus.texts,
        tokenizer=tokenizer,
        precision=precision,
        unit=recipe.data.unit,
        resets=layout.resets,
        streams=layout.rows,
    )
    return {"loss": scores.nats_per_token, "bits_per_byte": scores.bits_per_byte}


def validate_translation(
    recipe: Recipe, model: Translator, tokenizer: Tokenizer, corpus: Corpus, precision: Precision
) -> dict[str, float]:
    """The loss; BLEU and chrF of greedy translations only where the recipe chooses by them."""
    sources = tokenizer.encode_batch([source for source, _ in corpus.pairs])
    targets = tokenizer.encode_batch([target for _, target in corpus.pairs])
    nats, tokens = 0.0, 0
    for rows in bucket(sources, targets, 4096):
        batch = pair_batch([sources[i] for i in rows], [targets[i] for i in rows], tokenizer)
        loss, count, _ = model(batch.to(precision.device))
        nats, tokens = nats + float(loss), tokens + count
    values = {"loss": nats / tokens}
    if recipe.training.best_by in ("bleu", "chrf"):
        loaded = LoadedTranslator(model, tokenizer, precision=precision)
        found = loaded.translate([source for source, _ in corpus.pairs], width=1, batch=256)
        references = [target for _, target in corpus.pairs]
        values["bleu"] = translation.bleu(found, references)
        values["chrf"] = translation.chrf(found, references)
    return values
