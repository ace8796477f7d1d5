"""`seqlstm translate`: a file, a pipe or a conversation."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqlstm.cli.attention_plots import AttentionPlots
from seqlstm.cli.console import note, write
from seqlstm.cli.decoding_options import DecodingOptions, Find
from seqlstm.cli.inputs import in_groups, lines_at_hand, lines_of, on_terminal, prompts
from seqlstm.cli.interactive.translating import TranslationSession
from seqlstm.cli.options import (
    Device,
    PrecisionChoice,
    Run,
    Together,
    WeightsChoice,
    WhichPrecision,
    WhichWeights,
    load_translators,
)
from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.inference.line_batches import Translation

FILE_GROUP = 20  # batches of a file that are sorted by length together

Searching = partial(typer.Option, rich_help_panel="Beam search")
Saying = partial(typer.Option, rich_help_panel="What is said")
Drawing = partial(typer.Option, rich_help_panel="Samples")
Printing = partial(typer.Option, rich_help_panel="Output")


def translate(
    run: Run,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Lines to translate; else standard input."),
    ] = None,
    beam_size: Annotated[int | None, Searching(min=1, help="1 is greedy.")] = None,
    n_best: Annotated[int | None, Searching(min=1, help="Translations of each line.")] = None,
    length_penalty: Annotated[
        float | None, Searching(min=0, help="GNMT's alpha; 0 for none, higher for longer.")
    ] = None,
    coverage_penalty: Annotated[
        float | None,
        Searching(min=0, help="GNMT's beta: on source pieces that got little attention."),
    ] = None,
    together: Together = None,
    prefix: Annotated[
        str | None, Saying(metavar="TEXT", help="Each translation begins like this.")
    ] = None,
    force_words: Annotated[
        list[str] | None,
        Saying(
            metavar="PHRASE",
            help="Appears in each translation, in the pieces into which the tokenizer cuts it. "
            "Repeatable; a wider beam finds better places.",
        ),
    ] = None,
    bad_words: Annotated[
        list[str] | None,
        Saying(metavar="PHRASE", help="Does not appear, in these pieces. Repeatable."),
    ] = None,
    no_repeat_ngram_size: Annotated[
        int | None, Saying(min=0, metavar="N", help="No N pieces in a row come twice; 0: they may.")
    ] = None,
    min_length: Annotated[int | None, Saying(min=0, help="Pieces of a translation, least.")] = None,
    max_length: Annotated[int | None, Saying(min=1, help="And most.")] = None,
    max_length_ratio: Annotated[
        float | None, Saying(min=0.01, help="Most for each piece of the source, and 10 beside: 2.")
    ] = None,
    sample: Annotated[
        int | None, Drawing(min=1, metavar="N", help="Draw N translations of each line.")
    ] = None,
    mbr: Annotated[
        int | None,
        Drawing(
            min=1,
            metavar="N",
            help="Of N samples the one most like all (minimum Bayes risk, sentence chrF2++).",
        ),
    ] = None,
    temperature: Annotated[
        float | None, Drawing(min=0, help="Lower is safer, higher bolder: 1.")
    ] = None,
    top_k: Annotated[int | None, Drawing(min=0, help="Draw from the k likeliest; 0: all.")] = None,
    top_p: Annotated[
        float | None, Drawing(min=1e-6, max=1, help="Draw from the likeliest that make up p.")
    ] = None,
    min_p: Annotated[
        float | None,
        Drawing(min=0, max=1, help="Drop what is less than this times the likeliest."),
    ] = None,
    seed: Annotated[
        int | None, Drawing(min=0, help="The same seed, the same samples of a line.")
    ] = None,
    scores: Annotated[
        bool, Printing("--scores", help="Put score and log-probability (nats) before each.")
    ] = False,
    as_json: Annotated[bool, Printing("--json", help="One JSON object a line.")] = False,
    attention: Annotated[
        Path | None,
        Printing(metavar="PICTURE", help="Draw where it looked, for up to 20 lines (.png, .pdf)."),
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Lines at once, at most; a pipe's are answered as they come.")
    ] = 64,
    weights: WhichWeights = WeightsChoice.best,
    device: Device = "auto",
    precision: WhichPrecision = PrecisionChoice.float32,
) -> None:
    """Translate raw text: one line in, one line out, in their order, empty lines included.

    On a terminal without FILE it asks for lines until Ctrl-D, and /help lists commands. With
    `--n-best N` or `--sample N` each line gives at most N lines of number, tab and translation.
    """
    loaded = load_translators(
        run,
        together or [],
        weights=weights.value,
        device=device,
        precision=precision.value,
    )
    decoding = DecodingOptions(
        beam_size=beam_size,
        n_best=n_best,
        length_penalty=length_penalty,
        coverage_penalty=coverage_penalty,
        prefix=prefix,
        force_words=tuple(force_words or ()),
        bad_words=tuple(bad_words or ()),
        no_repeat_ngram_size=no_repeat_ngram_size,
        min_length=min_length,
        max_length=max_length,
        max_length_ratio=max_length_ratio,
        sample=sample,
        mbr=mbr,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        seed=seed,
        batch=batch,
    )
    find = decoding.finder(loaded)
    maps = AttentionPlots(loaded, attention) if attention else None
    if file is None and on_terminal():
        if maps:
            raise ArgumentError(
                "--attention draws lines of a file or a pipe, not of a conversation"
            )
        note("One line at a time; /help lists commands; Ctrl-D ends.")
        talk = TranslationSession(loaded, decoding, scores)
        talk.run(prompts(">"), partial(show, as_json=as_json))
        return
    number = 0
    groups = in_groups(lines_of(file), batch * FILE_GROUP) if file else lines_at_hand(batch)
    for lines in groups:
        numbered = decoding.several
        found = show(find, lines, number, scores=scores, as_json=as_json, numbered=numbered)
        if maps:
            maps.add(lines, found)
        number += len(lines)
    if maps:
        maps.draw()


def show(
    find: Find, lines: list[str], first: int, *, scores: bool, as_json: bool, numbered: bool
) -> list[list[Translation]]:
    """Translate and print some lines, the first of which has the number `first`, from 0.

    Returns what was found for them.
    """
    found = find(lines, first)
    for number, (line, best) in enumerate(zip(lines, found, strict=True), first + 1):
        if as_json:
            write(json.dumps(as_object(line, best), ensure_ascii=False))
            continue
        for one in best:
            columns = [str(number)] if numbered else []
            if scores:
                columns += [f"{one.score:.4f}", f"{one.log_probability:.4f}"]
            write("\t".join([*columns, one.text]))
    return found


def as_object(line: str, best: list[Translation]) -> dict[str, Any]:
    return {
        "source": line,
        "translations": [
            {"text": one.text, "score": one.score, "log_probability": one.log_probability}
            for one in best
        ],
    }
