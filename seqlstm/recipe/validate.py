"""What a run measures of its model while it trains."""

from __future__ import annotations

from collections.abc import Callable

from seqlstm.config import Recipe
from seqlstm.data.batching.buckets import bucket
from seqlstm.data.batching.collate import collate_pairs
from seqlstm.data.batching.streams import encode_stream
from seqlstm.data.sources.read import Corpus
from seqlstm.evaluation import translation
from seqlstm.evaluation.accuracy import encode_prompts, score_prompts
from seqlstm.evaluation.perplexity import score_text
from seqlstm.inference.scoring import truncate
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.translator import Translator
from seqlstm.recipe.corpus import RunCorpus
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair

Validation = Callable[[], dict[str, float]]
TOKENS = 4096  # of a batch


def make_validation(
    recipe: Recipe, model: LanguageModel | Translator, corpora: RunCorpus, precision: Precision
) -> Validation | None:
    """A measurement of the model on the validation split, if the recipe validates."""
    corpus, tokenizers = corpora.validation, corpora.tokenizers
    if corpus is None:
        return None
    if isinstance(model, LanguageModel) and recipe.data.completion is not None:
        return of_answers(model, corpus, tokenizers.target, precision)
    if isinstance(model, LanguageModel):
        return of_language_model(recipe, model, corpus, tokenizers.target, precision)
    return of_translator(recipe, model, corpus, tokenizers, precision)


def of_language_model(
    recipe: Recipe,
    model: LanguageModel,
    corpus: Corpus,
    tokenizer: Tokenizer,
    precision: Precision,
) -> Validation:
    """Loss and bits per byte, on as many streams as the recipe's batches have rows."""
    stream = encode_stream(corpus.texts, tokenizer=tokenizer, unit=recipe.data.unit)

    def validate() -> dict[str, float]:
        scores = score_text(
            model,
            corpus.texts,
            stream=stream,
            tokenizer=tokenizer,
            precision=precision,
            unit=recipe.data.unit,
            resets=recipe.resets,
            streams=recipe.data.batching.batch_size,  # type: ignore[union-attr]
        )
        return {"loss": scores.nats_per_token, "bits_per_byte": scores.bits_per_byte}

    return validate


def of_answers(
    model: LanguageModel, corpus: Corpus, tokenizer: Tokenizer, precision: Precision
) -> Validation:
    """Loss and accuracy of the answers alone."""
    batches = encode_prompts(corpus.pairs, tokenizer=tokenizer)

    def validate() -> dict[str, float]:
        scores = score_prompts(model, batches, tokenizer=tokenizer, precision=precision)
        return {"loss": scores.nats_per_token, "accuracy": scores.accuracy}

    return validate


def of_translator(
    recipe: Recipe,
    model: Translator,
    corpus: Corpus,
    tokenizers: TokenizerPair,
    precision: Precision,
) -> Validation:
    """The loss; BLEU and chrF of greedy translations only where the recipe chooses by them."""
    longest = recipe.data.max_length

    def cut(lines: list[str], tokenizer: Tokenizer) -> list[list[int]]:
        return truncate(tokenizer.encode_batch(lines), longest, what="validation line")

    sources = cut([source for source, _ in corpus.pairs], tokenizers.source)
    targets = cut([target for _, target in corpus.pairs], tokenizers.target)
    batches = [
        collate_pairs([sources[i] for i in rows], [targets[i] for i in rows], tokenizers)
        for rows in bucket(sources, targets, TOKENS)
    ]

    def validate() -> dict[str, float]:
        nats = sum(float(model(batch.to(precision.device))[0]) for batch in batches)
        values = {"loss": nats / sum(batch.tokens for batch in batches)}
        if recipe.training.metric in ("bleu", "chrf"):
            loaded = LoadedTranslator(model, tokenizers, precision=precision, longest=longest)
            found = loaded.translate([source for source, _ in corpus.pairs], beam_size=1, batch=256)
            references = [target for _, target in corpus.pairs]
            values["bleu"] = translation.bleu(found, references)
            values["chrf"] = translation.chrf(found, references)
        return values

    return validate
