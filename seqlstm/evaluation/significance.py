"""Significance of the difference between systems: paired bootstrap resampling (Koehn, 2004).

The rows of a test set are resampled with replacement, and all systems are scored on the same
resamples. sacreBLEU compares translations; language models are compared here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from sacrebleu.significance import PairedTest, Result, estimate_ci
from torch import Tensor

from seqlstm import __version__
from seqlstm.evaluation.tokenization import AUTO
from seqlstm.evaluation.translation import References, make_metrics, reference_sets

RESAMPLES = 1000  # sacreBLEU's own default
SEED = 12345  # sacreBLEU's own default


@dataclass(frozen=True)
class SystemScore:
    """The score of a system, and its difference from the score of the first system.

    Attributes:
        score: on the test set.
        mean: over the resamples.
        ci: half the width of the 95 % confidence interval around that mean.
        difference: from the first system's score; None for the first system.
        difference_ci: half the width of its 95 % confidence interval; None for scores of sacreBLEU,
            which does not compute it.
        p: the p-value of the difference; None for the first system, and for scores that are equal
            or not finite.
    """

    score: float
    mean: float
    ci: float
    difference: float | None = None
    difference_ci: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class Comparison:
    """The scores of several systems on the same test set.

    Attributes:
        scores: by system, in order, and then by the name of the score.
        signatures: what was computed, and how, by the name of the score.
    """

    scores: dict[str, dict[str, SystemScore]]
    signatures: dict[str, str]


def compare_translations(
    systems: Mapping[str, Sequence[str]],
    references: References,
    *,
    tokenize: str = AUTO,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare the BLEU, chrF2++ and TER of all systems with those of the first system.

    Args:
        systems: detokenised translations, line by line, by the name of the system.
        references: one for each line, or several sets, as for `score_translations`.
        tokenize: which tokens BLEU counts, as for `score_translations`.
        resamples: number of resamples.

    Raises:
        ValueError: fewer than two systems or lines, or a number of translations other than that of
            references.
        ArgumentError: as `score_translations`.
    """
    rows = len(references if isinstance(references[0], str) else references[0])
    check_sizes({name: len(lines) for name, lines in systems.items()}, rows)
    sets = reference_sets(references, rows)
    metrics = make_metrics(sets, tokenize=tokenize)
    metric_signatures, columns = PairedTest(
        [(name, list(lines)) for name, lines in systems.items()],
        metrics,
        sets,
        test_type="bs",
        n_samples=resamples,
    )()
    # sacreBLEU names the scores differently, but keeps our order after the column of systems.
    results = dict(zip(metrics, [*columns.values()][1:], strict=True))
    scores = {
        name: {
            metric: system_score(column[row], None if row == 0 else column[0].score)
            for metric, column in results.items()
        }
        for row, name in enumerate(systems)
    }
    signatures = dict(zip(metrics, map(str, metric_signatures.values()), strict=True))
    return Comparison(scores, signatures)


def system_score(result: Result, first: float | None) -> SystemScore:
    """A result of sacreBLEU with its difference from `first`, the first system's score."""
    score, mean, ci = float(result.score), float(result.mean), float(result.ci)
    if first is None:
        return SystemScore(score, mean, ci)
    difference = score - first
    return SystemScore(score, mean, ci, difference, p=float(result.p_value) if difference else None)


def compare_nats(
    systems: Mapping[str, Tensor],
    sizes: Tensor,
    *,
    unit: str,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """Compare the bits per byte of all language models with those of the first, on the same text.

    The p-value is two-sided: the share of resampled differences that are at least as far from the
    difference on the text as this is from zero (Efron & Tibshirani, 1993, chapter 16).

    Args:
        systems: nats of each document or line, (rows,), by the name of the model.
        sizes: bytes of each document or line, (rows,).
        unit: "document" or "line".
        resamples: number of resamples.
        seed: of the resampling.

    Raises:
        ValueError: fewer than two systems or rows, or not as many nats as sizes.
    """
    check_sizes({name: len(nats) for name, nats in systems.items()}, len(sizes))
    table = torch.stack([*systems.values(), sizes], dim=1).double()  # (rows, systems + 1)
    values = bits_per_byte(table.sum(0, keepdim=True))[0]
    resampled = bits_per_byte(resample_sums(table, resamples, seed))  # (resamples, systems)
    scores = {}
    for column, name in enumerate(systems):
        system = SystemScore(float(values[column]), *confidence_interval(resampled[:, column]))
        if column > 0:
            difference = float(values[column] - values[0])
            differences = resampled[:, column] - resampled[:, 0]
            system = with_difference(system, difference, differences)
        scores[name] = {"bits_per_byte": system}
    signature = (
        f"paired bootstrap|over:{len(sizes)} {unit}s|bs:{resamples}|seed:{seed}"
        f"|p:two-sided, centred|ci:95%|version:{__version__}"
    )
    return Comparison(scores, {"bits_per_byte": signature})


def check_sizes(systems: Mapping[str, int], rows: int) -> None:
    if len(systems) < 2:
        raise ValueError(f"there must be two systems or more, were: {len(systems)}")
    if rows < 2:
        raise ValueError(f"there must be two rows or more to resample, were: {rows}")
    for name, size in systems.items():
        if size != rows:
            raise ValueError(f"{name} must have a row for each of {rows}, were: {size}")


def resample_sums(table: Tensor, resamples: int, seed: int) -> Tensor:
    """Sums over rows sampled with replacement, (rows, columns) -> (resamples, columns)."""
    rows, generator = len(table), torch.Generator().manual_seed(seed)
    sums = []
    for _ in range(resamples):
        indices = torch.randint(rows, (rows,), generator=generator)
        counts = torch.bincount(indices, minlength=rows)
        sums.append(counts.to(table.dtype) @ table)
    return torch.stack(sums)


def bits_per_byte(sums: Tensor) -> Tensor:
    """Bits per byte from sums of nats and, in the last column, bytes.

    (…, systems + 1) -> (…, systems).
    """
    return sums[:, :-1] / sums[:, -1:] / math.log(2)


def with_difference(system: SystemScore, difference: float, resampled: Tensor) -> SystemScore:
    """A score with its difference from the first system's, and the p-value of the difference."""
    _, ci = confidence_interval(resampled)
    if not difference or not math.isfinite(difference):
        return replace(system, difference=difference, difference_ci=ci)
    at_least_as_far = (resampled - difference).abs() >= abs(difference)
    p = (int(at_least_as_far.sum()) + 1) / (len(resampled) + 1)
    return replace(system, difference=difference, difference_ci=ci, p=p)


def confidence_interval(resampled: Tensor) -> tuple[float, float]:
    """The mean of resampled scores, and half the width of the interval of their middle 95 %."""
    mean, ci = estimate_ci(resampled.numpy())
    return float(mean), float(ci)
