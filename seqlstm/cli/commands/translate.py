"""`seqlstm translate`: translate a file, a pipe, or lines on a terminal."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from seqlstm.cli.attention_plots import AttentionPlots
from seqlstm.cli.console import note, write
from seqlstm.cli.decoding_options import DecodingOptions
from seqlstm.cli.documents import DocumentOptions, FormatWarning
from seqlstm.cli.inputs import line_groups, on_terminal, prompts
from seqlstm.cli.interactive.translating import TranslationSession
from seqlstm.cli.options import (
    Device,
    EnsembleRuns,
    Errors,
    Overwrite,
    PrecisionChoice,
    Run,
    WeightsChoice,
    WhichPrecision,
    WhichWeights,
    load_translators,
)
from seqlstm.cli.output_files import prepare_output, refuse_overwrite, write_output
from seqlstm.cli.translation_lines import show
from seqlstm.documents.formats import DocumentFormat
from seqlstm.errors import ArgumentError

FILE_GROUP = 20  # batches of a file that are sorted by length together

BeamSearch = partial(typer.Option, rich_help_panel="Beam search")
Constraint = partial(typer.Option, rich_help_panel="Constraints")
Sampling = partial(typer.Option, rich_help_panel="Sampling")
Output = partial(typer.Option, rich_help_panel="Output")
InDocument = partial(typer.Option, rich_help_panel="Documents")


def translate(
    run: Run,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="Lines or a document to translate; default: standard input.",
        ),
    ] = None,
    beam_size: Annotated[int | None, BeamSearch(min=1, help="1: greedy search.")] = None,
    n_best: Annotated[
        int | None, BeamSearch(min=1, help="Number of translations of each line.")
    ] = None,
    length_penalty: Annotated[
        float | None, BeamSearch(min=0, help="GNMT's α; 0: none; higher: longer translations.")
    ] = None,
    coverage_penalty: Annotated[
        float | None,
        BeamSearch(min=0, help="GNMT's β, for source pieces with little attention."),
    ] = None,
    together: EnsembleRuns = None,
    prefix: Annotated[
        str | None, Constraint(metavar="TEXT", help="The start of every translation.")
    ] = None,
    force_words: Annotated[
        list[str] | None,
        Constraint(
            metavar="PHRASE",
            help="Must appear in every translation, as the pieces of the tokenizer. Repeatable. "
            "A larger beam gives better results.",
        ),
    ] = None,
    bad_words: Annotated[
        list[str] | None,
        Constraint(
            metavar="PHRASE", help="Must not appear, as the pieces of the tokenizer. Repeatable."
        ),
    ] = None,
    placeholders: Annotated[
        bool,
        Constraint(
            "--placeholders",
            help="Copy numbers, addresses, format strings and tags, each exactly once; for runs "
            "with `data.placeholders`.",
        ),
    ] = False,
    no_repeat_ngram_size: Annotated[
        int | None,
        Constraint(min=0, metavar="N", help="No sequence of N pieces appears twice; 0: no limit."),
    ] = None,
    min_length: Annotated[int | None, Constraint(min=0, help="Minimal length in pieces.")] = None,
    max_length: Annotated[int | None, Constraint(min=1, help="Maximal length in pieces.")] = None,
    max_length_ratio: Annotated[
        float | None,
        Constraint(min=0.01, help="Maximal length: N pieces per source piece, plus 10. N: 2."),
    ] = None,
    sample: Annotated[
        int | None, Sampling(min=1, metavar="N", help="Sample N translations of each line.")
    ] = None,
    mbr: Annotated[
        int | None,
        Sampling(
            min=1,
            metavar="N",
            help="Minimum Bayes risk: of N samples, the most similar to all (sentence chrF2++).",
        ),
    ] = None,
    temperature: Annotated[
        float | None, Sampling(min=0, max=1e6, help="0: greedy; higher: more varied. Default: 1.")
    ] = None,
    top_k: Annotated[
        int | None, Sampling(min=0, help="Sample from the k most probable pieces; 0: from all.")
    ] = None,
    top_p: Annotated[
        float | None,
        Sampling(min=1e-6, max=1, help="Sample from the most probable pieces whose sum reaches p."),
    ] = None,
    min_p: Annotated[
        float | None,
        Sampling(min=0, max=1, help="Drop pieces below this share of the most probable one."),
    ] = None,
    seed: Annotated[
        int | None, Sampling(min=0, help="The same seed makes the same samples.")
    ] = None,
    scores: Annotated[
        bool, Output("--scores", help="Print score and log-probability (nats) first.")
    ] = False,
    as_json: Annotated[bool, Output("--json", help="Print one JSON object per line.")] = False,
    attention: Annotated[
        Path | None,
        Output(
            metavar="PICTURE", help="Draw the attention weights of up to 20 lines (.png, .pdf)."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        Output("--output", "-o", metavar="FILE", help="Write to a file, all of it or nothing."),
    ] = None,
    overwrite: Overwrite = False,
    format: Annotated[
        DocumentFormat | None,
        InDocument(help="Default: by the name of FILE (.po, .pot, .tmx, .xlf, .xliff, .srt)."),
    ] = None,
    retranslate: Annotated[
        bool,
        InDocument("--retranslate", help="Also translate what has a translation not reviewed."),
    ] = False,
    target_lang: Annotated[
        str | None,
        InDocument(metavar="CODE", help="Of new texts in TMX; default: from the recipe's pair."),
    ] = None,
    errors: Errors = "strict",
    batch: Annotated[int, typer.Option(min=1, help="Maximal number of lines in a batch.")] = 64,
    weights: WhichWeights = WeightsChoice.best,
    device: Device = "auto",
    precision: WhichPrecision = PrecisionChoice.float32,
) -> None:
    """Translate text: one output line for each input line, in the same order.

    Empty lines stay empty, and lines from a pipe are translated when they arrive. On a terminal
    without FILE it is an interactive session; /help lists commands, Ctrl-D ends. With `--n-best N`
    or `--sample N` each line has at most N output lines: its number, a tab, a translation.

    Of a PO, TMX, XLIFF or SRT document the texts are translated; all else stays, byte for byte.
    """
    documents = DocumentOptions(
        file,
        format=format,
        output=output,
        overwrite=overwrite,
        retranslate=retranslate,
        target_lang=target_lang,
    )
    refuse_overwrite(overwrite, output or attention, option="--output")
    documents.check(
        {
            "--scores": scores,
            "--json": as_json,
            "--n-best": (n_best or 1) > 1,
            "--sample": sample is not None,
            "--attention": attention is not None,
            "--prefix": bool(prefix),
            "--force-words": bool(force_words),
            "--errors": errors != "strict",
        }
    )
    if attention:
        prepare_output(attention, overwrite=overwrite)
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
        placeholders=placeholders or None,
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
    if attention and placeholders:
        raise ArgumentError("--attention cannot show placeholders", hint="Leave one of them out.")
    translate_lines = decoding.translate_function(loaded)
    if documents.is_document:
        documents.translate(run, translate_lines)
        return
    maps = AttentionPlots(loaded, attention) if attention else None
    if file is None and on_terminal():
        unusable = {"--attention": maps, "--output": output, "--errors": errors != "strict"}
        for name, used in unusable.items():
            if used:
                raise ArgumentError(
                    f"{name} needs lines from a file or a pipe, not from a terminal"
                )
        note("One line at a time; /help lists commands; Ctrl-D ends.")
        session = TranslationSession(loaded, decoding, scores)
        session.run(prompts(">"), partial(show, as_json=as_json))
        return
    number = 0
    written: list[str] = []
    warning = FormatWarning(str(file or "standard input"))
    groups = line_groups(file, from_file=batch * FILE_GROUP, from_pipe=batch, errors=errors)
    for lines in groups:
        if format is None:
            warning.see(lines)
        translations = show(
            translate_lines,
            lines,
            number,
            scores=scores,
            as_json=as_json,
            numbered=decoding.has_several,
            emit=written.append if output else write,
        )
        if maps:
            maps.add(lines, translations)
        number += len(lines)
    if output:
        write_output(output, "".join(f"{line}\n" for line in written))
    if maps:
        maps.draw()
