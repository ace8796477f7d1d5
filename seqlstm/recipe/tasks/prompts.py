"""Prompts with completions: a language model reads both and predicts the completions alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqlstm.config import Recipe
from seqlstm.config.consistency import Lookup
from seqlstm.config.data import TokenBatchingConfig
from seqlstm.data.batching.buckets import PairIds, select_ids
from seqlstm.data.batching.prompts import PromptBatches
from seqlstm.data.cleaning import clean_pairs
from seqlstm.data.sources.read import Corpus
from seqlstm.errors import DataError, Mistake
from seqlstm.evaluation.accuracy import encode_prompts, score_prompts
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.models.language_model import LanguageModel
from seqlstm.recipe.build.language_model import build_language_model
from seqlstm.recipe.tasks.base import Evaluation, RunCorpus, Task, Validation
from seqlstm.recipe.tasks.language_model import TRANSLATION_KEYS, check_language_model
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer_pair import TokenizerPair, VocabularySizes

SCORES = ("accuracy", "nats_per_token", "rows", "tokens", "signature")


class PromptsTask(Task):
    """A language model that is trained and scored on completions of prompts."""

    noun = "a language model of prompts"
    columns = ("prompt", "completion")
    batching = "tokens"
    metrics = ("loss", "accuracy")
    scores = ("accuracy", "nats_per_token")
    unused_keys = (
        "data.pair",
        "data.text",
        "data.unit",
        "data.max_length_ratio",
        "data.placeholders",
        *TRANSLATION_KEYS,
    )

    def check(self, lookup: Lookup) -> Iterator[Mistake]:
        yield from check_language_model(lookup)

    def clean(
        self, recipe: Recipe, corpus: Corpus, tokenizers: TokenizerPair, *, written: Corpus
    ) -> tuple[Corpus, PairIds, str]:
        sides = zip(*corpus.pairs, strict=True)
        prompts, completions = (tokenizers.target.encode_batch(side) for side in sides)
        rows, report = clean_pairs(
            written.pairs,
            # A row is prompt and completion together, and a completion may be empty.
            lengths=[(len(p) + len(c), 0) for p, c in zip(prompts, completions, strict=True)],
            max_length=recipe.data.max_length,
            drop_duplicates=recipe.data.drop_duplicates,
            allow_empty_side=True,
        )
        line = f"{corpus.name} {corpus.split}: {report.line()}"
        if not rows:
            raise DataError(line, hint="data.max_length is too small for this text.")
        cleaned = replace(corpus, rows=[corpus.pairs[row] for row in rows])
        return cleaned, select_ids(prompts, completions, rows), line

    def targets(self, corpus: Corpus) -> Sequence[str]:
        return [completion for _, completion in corpus.pairs]

    def build_model(self, recipe: Recipe, vocab_sizes: VocabularySizes) -> LanguageModel:
        return build_language_model(recipe, vocab_sizes)

    def make_batches(self, recipe: Recipe, corpus: RunCorpus) -> PromptBatches:
        batching = recipe.data.batching
        assert isinstance(batching, TokenBatchingConfig)
        return PromptBatches(
            corpus.train.pairs,
            tokenizers=corpus.tokenizers,
            ids=corpus.ids,
            max_tokens=batching.max_tokens,
            shuffle_window=batching.shuffle_window,
            subword_regularization=recipe.tokenizer.subword_regularization,
            seed=recipe.seed,
        )

    def make_validation(
        self, recipe: Recipe, model: LanguageModel, corpus: RunCorpus, precision: Precision
    ) -> Validation:
        assert corpus.validation is not None
        tokenizer = corpus.tokenizers.target
        batches = encode_prompts(corpus.validation.pairs, tokenizer=tokenizer)

        def validate() -> dict[str, float]:
            scores = score_prompts(model, batches, tokenizer=tokenizer, precision=precision)
            return {"loss": scores.nats_per_token, "accuracy": scores.accuracy}

        return validate

    def load(
        self, recipe: Recipe, model: LanguageModel, tokenizers: TokenizerPair, precision: Precision
    ) -> LoadedLanguageModel:
        return LoadedLanguageModel(model, tokenizers.target, precision=precision)

    def evaluate(
        self,
        recipe: Recipe,
        loaded: LoadedLanguageModel,
        corpora: Sequence[Corpus],
        options: Mapping[str, Any],
    ) -> list[Evaluation]:
        return [self.evaluate_corpus(loaded, corpus) for corpus in corpora]

    def evaluate_corpus(self, loaded: LoadedLanguageModel, corpus: Corpus) -> Evaluation:
        scores = score_prompts(
            loaded.model,
            encode_prompts(corpus.pairs, tokenizer=loaded.tokenizer),
            tokenizer=loaded.tokenizer,
            precision=loaded.precision,
        )
        return Evaluation({name: getattr(scores, name) for name in SCORES})
