"""Translation: pairs of sentences, an encoder-decoder, BLEU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from seqlstm.config import Recipe
from seqlstm.config.consistency import Lookup
from seqlstm.config.data import TokenBatchingConfig
from seqlstm.data.batching.buckets import BucketBatches, PairIds, bucket, select_ids
from seqlstm.data.batching.collate import collate_pairs
from seqlstm.data.cleaning import clean_pairs
from seqlstm.data.sources.read import Corpus
from seqlstm.errors import DataError, Mistake
from seqlstm.evaluation.tokenization import AUTO, Tokenization, choose_tokenization, make_bleu
from seqlstm.evaluation.translation import bleu, chrf
from seqlstm.inference.scoring import truncate
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.models.translator import Translator
from seqlstm.recipe.build.translator import build_translator
from seqlstm.recipe.tasks.base import (
    ComparedRuns,
    Evaluation,
    RunCorpus,
    Task,
    Validation,
    refuse_single_row,
)
from seqlstm.recipe.tasks.translation_evaluation import (
    SEARCH_OPTIONS,
    check_direction,
    compare_translators,
    evaluate_translator,
    references_of,
)
from seqlstm.recurrent.backends import Call
from seqlstm.recurrent.catalogue import BLOCKS
from seqlstm.recurrent.stack import LayerStack
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair, VocabularySizes
from seqlstm.training.objectives.cross_entropy import CrossEntropy

VALIDATION_TOKENS = 4096  # of a batch
SCRIPT_SAMPLE = 50_000  # targets whose script is looked at


class TranslationTask(Task):
    """A translator from source to target sentences."""

    noun = "a translator"
    columns = ("pair",)
    batching = "tokens"
    metrics = ("loss", "bleu", "chrf")
    scores = ("bleu", "chrf", "exact_match")
    unused_keys = (
        *(f"data.{key}" for key in ("text", "prompt", "completion", "unit")),
        "training.regularizers",
    )
    evaluation_options = frozenset(
        {*SEARCH_OPTIONS, "with", "output", "lowercase", "tokenize", "references"}
    )

    def check(self, lookup: Lookup) -> Iterator[Mistake]:
        if isinstance(lookup("model", "hidden_size"), list | tuple):
            yield Mistake(
                "model.hidden_size",
                "must be one size in a translation recipe",
                "encoder = { hidden_size = … } and decoder = { hidden_size = … } give each its own",
            )
        kind = lookup("model", "cell", "kind")
        if isinstance(kind, str) and kind in BLOCKS:
            yield Mistake(
                "model.cell",
                f"{kind} is for language models: its residual blocks have outputs of the size of "
                "their inputs and read forwards, so a translator's context cannot join their "
                "inputs, and an encoder cannot reverse them",
            )
        yield from check_vocabularies(lookup)
        yield from check_references(lookup)
        yield from check_without_attention(lookup)

    def clean(
        self, recipe: Recipe, corpus: Corpus, tokenizers: TokenizerPair, *, written: Corpus
    ) -> tuple[Corpus, PairIds, str]:
        lines, references = zip(*corpus.pairs, strict=True)
        sources = tokenizers.source.encode_batch(lines)
        targets = tokenizers.target.encode_batch(references)
        rows, report = clean_pairs(
            written.pairs,
            lengths=[(len(s), len(t)) for s, t in zip(sources, targets, strict=True)],
            max_length=recipe.data.max_length,
            max_length_ratio=recipe.data.max_length_ratio,
            drop_duplicates=recipe.data.drop_duplicates,
        )
        line = f"{corpus.name} {corpus.split}: {report.line()}"
        if not rows:
            hint = "data.max_length or data.max_length_ratio is too small for this text."
            raise DataError(line, hint=hint)
        cleaned = replace(corpus, rows=[corpus.pairs[row] for row in rows])
        return cleaned, select_ids(sources, targets, rows), line

    def targets(self, corpus: Corpus) -> Sequence[str]:
        return [target for _, target in corpus.pairs]

    def tokenization(self, recipe: Recipe, corpus: Corpus) -> Tokenization:
        if (name := recipe.evaluation.tokenize) != AUTO:
            make_bleu(name)
            return Tokenization(name)
        targets = self.targets(corpus)
        return choose_tokenization(targets[:: len(targets) // SCRIPT_SAMPLE + 1])

    def build_model(self, recipe: Recipe, vocab_sizes: VocabularySizes) -> Translator:
        return build_translator(recipe, vocab_sizes)

    def stacks(self, recipe: Recipe, model: nn.Module) -> dict[str, tuple[LayerStack, Call]]:
        assert isinstance(model, Translator)
        call = Call(lengths=True, return_state=model.decoder.bridge is not None)
        return {"encoder": (model.encoder, call), **model.decoder.stacks()}

    def make_batches(self, recipe: Recipe, corpus: RunCorpus) -> BucketBatches:
        batching = recipe.data.batching
        assert isinstance(batching, TokenBatchingConfig)
        return BucketBatches(
            corpus.train.pairs,
            tokenizers=corpus.tokenizers,
            ids=corpus.ids,
            max_tokens=batching.max_tokens,
            shuffle_window=batching.shuffle_window,
            subword_regularization=recipe.tokenizer.subword_regularization,
            seed=recipe.seed,
        )

    def make_validation(
        self, recipe: Recipe, model: Translator, corpus: RunCorpus, precision: Precision
    ) -> Validation:
        """The loss and, if one of them is the metric, BLEU and chrF of greedy translations."""
        assert corpus.validation is not None
        assert corpus.tokenize is not None
        tokenize, references = corpus.tokenize, references_of(corpus.validation)
        tokenizers, max_length = corpus.tokenizers, recipe.data.max_length
        lines, targets = ([*side] for side in zip(*corpus.validation.pairs, strict=True))

        def encode(side: list[str], tokenizer: Tokenizer) -> list[list[int]]:
            return truncate(tokenizer.encode_batch(side), max_length, what="validation line")

        sources = encode(lines, tokenizers.source)
        target_ids = encode(targets, tokenizers.target)
        batches = [
            collate_pairs([sources[i] for i in rows], [target_ids[i] for i in rows], tokenizers)
            for rows in bucket(sources, target_ids, VALIDATION_TOKENS)
        ]

        objective = CrossEntropy()

        def validate() -> dict[str, float]:
            losses = (objective(model, batch.to(precision.device))[0] for batch in batches)
            nats = sum(map(float, losses))
            values = {"loss": nats / sum(batch.tokens for batch in batches)}
            if recipe.training.metric in ("bleu", "chrf"):
                loaded = LoadedTranslator(
                    model,
                    tokenizers,
                    precision=precision,
                    max_input_length=max_length,
                    placeholders=recipe.data.placeholders > 0,
                )
                hypotheses = loaded.translate(lines, beam_size=1, batch=256)
                values["bleu"] = bleu(hypotheses, references, tokenize=tokenize)
                values["chrf"] = chrf(hypotheses, references)
            return values

        return validate

    def load(
        self, recipe: Recipe, model: Translator, tokenizers: TokenizerPair, precision: Precision
    ) -> LoadedTranslator:
        return LoadedTranslator(
            model,
            tokenizers,
            precision=precision,
            **recipe.decoding.model_dump(),
            max_input_length=recipe.data.max_length,
            placeholders=recipe.data.placeholders > 0,
        )

    def evaluate(
        self,
        recipe: Recipe,
        loaded: LoadedTranslator,
        corpora: Sequence[Corpus],
        options: Mapping[str, Any],
    ) -> list[Evaluation]:
        options = {"tokenize": recipe.evaluation.tokenize, **options}
        return [evaluate_translator(loaded, corpus, options) for corpus in corpora]

    def check_evaluation(self, recipe: Recipe, options: Mapping[str, Any]) -> None:
        if (name := options.get("tokenize", recipe.evaluation.tokenize)) != AUTO:
            make_bleu(name)

    def check_comparison(self, runs: Mapping[str, Recipe]) -> None:
        (first, recipe), *others = runs.items()
        for path, other in others:
            if recipe.data.pair and other.data.pair:
                check_direction(first, [*recipe.data.pair], path, [*other.data.pair])

    def compare(
        self,
        runs: Mapping[str, Recipe],
        corpus: Corpus,
        *,
        load: Callable[[str], LoadedTranslator],
        resamples: int,
        options: Mapping[str, Any],
    ) -> ComparedRuns:
        refuse_single_row(corpus, len(corpus), "line")
        first = next(iter(runs.values()))
        options = {"tokenize": first.evaluation.tokenize, **options}
        return compare_translators(runs, corpus, load=load, resamples=resamples, options=options)


def check_vocabularies(lookup: Lookup) -> Iterator[Mistake]:
    """Keys of tokenizers and embeddings that contradict each other."""
    file, joint = lookup("tokenizer", "file"), lookup("tokenizer", "joint")
    if isinstance(lookup("tokenizer", "vocab_size"), list | tuple) and joint is not False:
        yield Mistake(
            "tokenizer.vocab_size",
            "two numbers cannot take effect: one model is that of both sides",
            "one number, or tokenizer.joint = false",
        )
    if lookup("data", "placeholders") and lookup("tokenizer", "model_type") == "word":
        problem = "needs numbered symbols, which a tokenizer of words cannot keep whole"
        yield Mistake("data.placeholders", problem, 'tokenizer.model_type = "unigram"')
    separate = isinstance(file, list | tuple) or (file is None and joint is False)
    if separate and lookup("model", "tie_embeddings") == "three-way":
        yield Mistake(
            "model.tie_embeddings",
            "three-way needs a joint vocabulary: here source and target have tables of their own",
            '"two-way", as true is here, or tokenizer.joint = true',
        )


def check_references(lookup: Lookup) -> Iterator[Mistake]:
    """Columns of further references that are no further ones."""
    pair, references = lookup("data", "pair"), lookup("evaluation", "references")
    known = [*pair] if isinstance(pair, list | tuple) else []
    for column in references if isinstance(references, list | tuple) else []:
        if column in known:
            problem = f'"{column}" is a column of data.pair, or named twice'
            yield Mistake("evaluation.references", problem, "further columns of the target side")
        known.append(column)


def check_without_attention(lookup: Lookup) -> Iterator[Mistake]:
    """Keys that cannot take effect with a decoder without attention."""
    if lookup("model", "decoder", "kind") != "no-attention":
        return
    if lookup("model", "attention") is not None:
        yield Mistake("model.attention", "cannot take effect: the decoder has none")
    if lookup("decoding", "coverage_penalty"):
        problem = "cannot take effect: the decoder has no attention, whose weights it reads"
        yield Mistake("decoding.coverage_penalty", problem, "leave it out")
    layers = [
        lookup("model", side, "num_layers") or lookup("model", "num_layers")
        for side in ("encoder", "decoder")
    ]
    if lookup("model", "dropout", "inter_layer") and all(count in (None, 1) for count in layers):
        yield Mistake("model.dropout.inter_layer", "cannot take effect with single layers")
