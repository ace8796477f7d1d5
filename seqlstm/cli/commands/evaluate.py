"""`seqlstm evaluate`: scores that can be published."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
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
    WithCache,
    WithDynamic,
    cache_of,
    dynamic_of,
)
from seqlstm.cli.options import (
    Batch,
    Device,
    PrecisionChoice,
    Run,
    Streams,
    Together,
    WeightsChoice,
    WhichPrecision,
    WhichWeights,
    ready,
)
from seqlstm.errors import ArgumentError


def evaluate(
    run: Run,
    split: Annotated[
        str, typer.Option(help="Which split; several with +, as in validation+test.")
    ] = "test",
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Other data than the recipe's, with the same columns, or files by split: "
            '`\'{test = ["a.en", "a.de"]}\'`. Given several times, each is scored.'
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep a translator's translations.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    lowercase: Annotated[
        bool, typer.Option("--lowercase", help="State BLEU and chrF of lower-cased text too.")
    ] = False,
    beam_size: Annotated[
        int | None, typer.Option(min=1, help="Of a translator's search; 1 is greedy.")
    ] = None,
    length_penalty: Annotated[
        float | None, typer.Option(min=0, help="GNMT's alpha; 0 for none.")
    ] = None,
    together: Together = None,
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

    A translator: BLEU, chrF and TER, as sacreBLEU computes them on detokenised text, and the share
    of exact matches. A language model: perplexity per token and word and bits per byte.
    """
    from seqlstm.recipe.evaluate import evaluate_each

    sources: list[str | None] = [*source] if source else [None]
    refuse_repeated(sources)
    if output:
        if len(sources) > 1:
            raise ArgumentError(
                f"--output keeps the translations of one source, not {len(sources)}"
            )
        prepare(output)
    ready()
    found = evaluate_each(
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
        dynamic=dynamic_of(
            dynamic,
            rate=dynamic_rate,
            decay=dynamic_decay,
            epsilon=dynamic_epsilon,
            span=dynamic_span,
            batches=dynamic_batches,
        ),
        cache=cache_of(cache, size=cache_size, flatness=cache_flatness, share=cache_share),
        lowercase=lowercase,
        weights=weights.value,
        device=device,
        precision=precision.value,
        output=output is not None,
    )
    if output:
        keep(found[0].translations or [], output)
    by_set = {name or "": one.values for name, one in zip(sources, found, strict=True)}
    if as_json:
        values = finite(found[0].values) if len(found) == 1 else in_one(by_set)
        write(json.dumps(values, ensure_ascii=False))
    else:
        show(by_set)


def refuse_repeated(sources: list[str | None]) -> None:
    for source, count in Counter(sources).items():
        if count > 1:
            raise ArgumentError(f"--source names {source} more than once")


def prepare(output: Path) -> None:
    """Learn that a file cannot be written before, not after, minutes of translation."""
    existed = output.exists()
    try:
        output.touch()
        if not existed:
            output.unlink()
    except OSError as error:
        raise ArgumentError(f"{output} cannot be written: {error.strerror}") from error


def keep(translations: list[str], file: Path) -> None:
    """Write translations, a line each."""
    file.write_text("".join(f"{line}\n" for line in translations), encoding="utf-8")


def finite(values: Any) -> Any:
    """JSON knows finite numbers only: a perplexity that no float holds is null."""
    if isinstance(values, dict):
        return {key: finite(value) for key, value in values.items()}
    if isinstance(values, list):
        return [finite(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def in_one(by_set: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The values of several sets as one object, signatures once where they are the same."""
    signed = [signatures(values) for values in by_set.values()]
    more = any("documents" in values or apart(values) for values in by_set.values())
    if more or any(one != signed[0] for one in signed):
        return {"sets": finite(by_set)}
    sets = {name: finite(scores(values)) for name, values in by_set.items()}
    first = next(iter(by_set.values()))
    key = "signature" if "signature" in first else "signatures"
    return {"sets": sets, key: first[key]}


def apart(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is reported apart from the static scores, by name."""
    return {name: one for name in ("dynamic", "cache") if (one := values.get(name))}


def scores(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers: all but the signatures and what is reported apart."""
    return {
        name: value
        for name, value in values.items()
        if not name.startswith("signature") and not isinstance(value, dict | list)
    }


def signatures(values: dict[str, Any]) -> dict[str, str]:
    """By the name of what they say more of; a language model's one has none."""
    found: dict[str, str] = values.get("signatures") or {"": values["signature"]}
    return found


def show(by_set: dict[str, dict[str, Any]]) -> None:
    """Values in a table, a column for each set and what is apart, and signatures below it."""
    columns = {}
    for name, values in by_set.items():
        shown = name if len(by_set) > 1 else ""
        columns[shown or "value"] = values
        columns |= {f"{shown} {kind}".strip(): one for kind, one in apart(values).items()}
    numbers = right_aligned("score", *columns)
    for name in scores(next(iter(by_set.values()))):
        numbers.add_row(name.replace("_", " "), *(said(one[name]) for one in columns.values()))
    out.print(numbers)
    every = [pair for values in columns.values() for pair in signatures(values).items()]
    for name, signature in dict.fromkeys(every):
        note(f"{name} {signature}".strip())
    for name, values in by_set.items():
        if "documents" in values:
            show_documents(values["documents"], title=name or None)


def show_documents(documents: list[dict[str, Any]], *, title: str | None) -> None:
    """A row for each document or line: eighty columns, of which the last tells its beginning."""
    shown = right_aligned("", *DOCUMENT, title=title)
    shown.add_column("begins", no_wrap=True)
    for number, one in enumerate(documents, 1):
        values = (said(one[name]) for name in DOCUMENT.values())
        shown.add_row(str(number), *values, escape(one["begins"][:20]))
    out.print(shown)


DOCUMENT = {
    "nats": "nats",
    "pieces": "tokens",
    "words": "words",
    "per piece": "perplexity_per_token",
    "per word": "perplexity_per_word",
}


def right_aligned(first: str, *columns: str, title: str | None = None) -> Table:
    """A table of numbers."""
    made = table(first, *map(escape, columns), title=title)
    for column in made.columns[1:]:
        column.justify = "right"
    return made


def said(value: float) -> str:
    return f"{value:,.4f}" if isinstance(value, float) else f"{value:,}"
