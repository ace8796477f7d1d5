"""`seqlstm evaluate`: scores of a run on held-out text."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from seqlstm.cli.console import note, out, table, write
from seqlstm.cli.evaluation_options import (
    CacheFlatness,
    CacheShare,
    CacheSize,
    Context,
    Documents,
    DynamicBatches,
    DynamicDecay,
    DynamicEpsilon,
    DynamicRate,
    DynamicSpan,
    MinContext,
    References,
    Tokenize,
    WithCache,
    WithDynamic,
    dynamic_evaluation,
    neural_cache,
)
from seqlstm.cli.options import (
    Batch,
    Device,
    EnsembleRuns,
    Overwrite,
    PrecisionChoice,
    Run,
    Streams,
    WeightsChoice,
    WhichPrecision,
    WhichWeights,
    prepare_process,
)
from seqlstm.cli.output_files import prepare_output, refuse_overwrite, write_output
from seqlstm.errors import ArgumentError
from seqlstm.runtime.finite_json import finite_json


def evaluate(
    run: Run,
    split: Annotated[
        str, typer.Option(help="The split to score; join several by +: validation+test.")
    ] = "test",
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Other data than the recipe's, with the same columns, or files by split: "
            '`\'{test = ["a.en", "a.de"]}\'`. Repeatable: each source has its own scores.'
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the translations.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    lowercase: Annotated[
        bool, typer.Option("--lowercase", help="Also report BLEU and chrF of lower-cased text.")
    ] = False,
    tokenize: Tokenize = None,
    references: References = None,
    beam_size: Annotated[
        int | None, typer.Option(min=1, help="Beam size of a translator; 1: greedy.")
    ] = None,
    length_penalty: Annotated[float | None, typer.Option(min=0, help="GNMT's α; 0: none.")] = None,
    together: EnsembleRuns = None,
    batch: Batch = None,
    streams: Streams = None,
    context: Context = None,
    min_context: MinContext = None,
    documents: Documents = False,
    dynamic: WithDynamic = False,
    dynamic_rate: DynamicRate = None,
    dynamic_decay: DynamicDecay = None,
    dynamic_epsilon: DynamicEpsilon = None,
    dynamic_span: DynamicSpan = None,
    dynamic_batches: DynamicBatches = None,
    cache: WithCache = False,
    cache_size: CacheSize = None,
    cache_flatness: CacheFlatness = None,
    cache_share: CacheShare = None,
    weights: WhichWeights = WeightsChoice.best,
    device: Device = "auto",
    precision: WhichPrecision = PrecisionChoice.float32,
) -> None:
    """Score a run on held-out text, with signatures.

    Translators: BLEU, chrF and TER, computed by sacreBLEU on detokenised text, and the share of
    exact matches. Language models: perplexity per token and per word, and bits per byte.
    """
    from seqlstm.recipe.evaluate import evaluate_each

    sources: list[str | None] = [*source] if source else [None]
    refuse_repeated(sources)
    refuse_overwrite(overwrite, output, option="--output")
    if output:
        if len(sources) > 1:
            raise ArgumentError(
                f"--output saves the translations of one source, not {len(sources)}"
            )
        prepare_output(output, overwrite=overwrite, stream=True)
    prepare_process()
    evaluations = evaluate_each(
        run,
        sources,
        others=together or [],
        split=split,
        beam_size=beam_size,
        length_penalty=length_penalty,
        batch=batch,
        streams=streams,
        context=context and context.value,
        min_context=min_context,
        documents=documents,
        dynamic=dynamic_evaluation(
            dynamic,
            rate=dynamic_rate,
            decay=dynamic_decay,
            epsilon=dynamic_epsilon,
            span=dynamic_span,
            batches=dynamic_batches,
        ),
        cache=neural_cache(cache, size=cache_size, flatness=cache_flatness, share=cache_share),
        lowercase=lowercase,
        tokenize=tokenize,
        references=references or None,
        weights=weights.value,
        device=device,
        precision=precision.value,
        output=output is not None,
    )
    if output:
        write_translations(evaluations[0].translations or [], output)
    for line in dict.fromkeys(line for evaluation in evaluations for line in evaluation.notes):
        note(line)
    by_source = {
        source or "": evaluation.values
        for source, evaluation in zip(sources, evaluations, strict=True)
    }
    if as_json:
        values = evaluations[0].values if len(evaluations) == 1 else combined(by_source)
        write(json.dumps(finite_json(values), ensure_ascii=False))
    else:
        show(by_source)


def refuse_repeated(sources: list[str | None]) -> None:
    for source, count in Counter(sources).items():
        if count > 1:
            raise ArgumentError(f"--source is {source} more than once")


def write_translations(translations: list[str], file: Path) -> None:
    """Write translations, one line each."""
    write_output(file, "".join(f"{line}\n" for line in translations))


def combined(by_source: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The values of several sources as one object, with equal signatures only once."""
    first, *others = by_source.values()
    nested = any("documents" in values or variants(values) for values in by_source.values())
    if nested or any(signatures(values) != signatures(first) for values in others):
        return {"sets": by_source}
    sets = {source: scores(values) for source, values in by_source.items()}
    key = "signature" if "signature" in first else "signatures"
    return {"sets": sets, key: first[key]}


def variants(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The scores with dynamic evaluation or a cache, by name."""
    return {name: values[name] for name in ("dynamic", "cache") if values.get(name)}


def scores(values: dict[str, Any]) -> dict[str, Any]:
    """The static scores: all numbers outside of nested objects."""
    return {
        name: value
        for name, value in values.items()
        if not name.startswith("signature") and not isinstance(value, dict | list)
    }


def signatures(values: dict[str, Any]) -> dict[str, str]:
    """The signatures by the name of their score; a language model's only one has the name ""."""
    by_score: dict[str, str] = values.get("signatures") or {"": values["signature"]}
    return by_score


def show(by_source: dict[str, dict[str, Any]]) -> None:
    """Print a table with a column for each source and variant, and the signatures below."""
    columns = {}
    for source, values in by_source.items():
        label = source if len(by_source) > 1 else ""
        columns[label or "value"] = values
        columns |= {f"{label} {name}".strip(): part for name, part in variants(values).items()}
    numbers = right_aligned("score", *columns)
    for name in scores(next(iter(by_source.values()))):
        row = (number(values[name]) for values in columns.values())
        numbers.add_row(name.replace("_", " "), *row)
    out.print(numbers)
    pairs = [pair for values in columns.values() for pair in signatures(values).items()]
    for name, signature in dict.fromkeys(pairs):
        note(f"{name} {signature}".strip())
    for source, values in by_source.items():
        if "documents" in values:
            show_documents(values["documents"], title=source or None)


def show_documents(documents: list[dict[str, Any]], *, title: str | None) -> None:
    """Print a row of at most 80 characters for each document or line, with its first words."""
    shown = right_aligned("", *DOCUMENT, title=title)
    shown.add_column("begins", no_wrap=True)
    for index, document in enumerate(documents, 1):
        values = (number(document[name]) for name in DOCUMENT.values())
        shown.add_row(str(index), *values, document["begins"][:20])
    out.print(shown)


DOCUMENT = {
    "nats": "nats",
    "pieces": "tokens",
    "words": "words",
    "per piece": "perplexity_per_token",
    "per word": "perplexity_per_word",
}


def right_aligned(first: str, *columns: str, title: str | None = None) -> Table:
    """An empty table for numbers."""
    numbers = table(first, *columns, title=title)
    for column in numbers.columns[1:]:
        column.justify = "right"
    return numbers


def number(value: float) -> str:
    return f"{value:,.4f}" if isinstance(value, float) else f"{value:,}"
