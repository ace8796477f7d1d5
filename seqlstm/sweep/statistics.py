"""What the scores of a sweep say: means, spreads, and which differences are no accident."""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import ttest_ind

from seqlstm.sweep.combinations import Combination
from seqlstm.sweep.job import Result, read_result
from seqlstm.sweep.plan import SweepPlan


@dataclass(frozen=True)
class VariantScores:
    """A combination's results.

    Attributes:
        combination: which.
        baseline: the name of whom it is compared to; None for a baseline itself.
        results: by seed; failed runs have none.
        scores: those that decide, seed by seed; NaN for one that is no finite number.
        p: that so large a difference from the baseline's mean is chance, by Welch's t-test,
            corrected for the number of comparisons (Holm, 1979); None where it cannot be told.
    """

    combination: Combination
    baseline: str | None
    results: dict[int, Result]
    scores: list[float]
    p: float | None = None

    @property
    def mean(self) -> float | None:
        """None of no score, or of one that is not finite."""
        return statistics.mean(self.scores) if self.scores and finite(self.scores) else None

    @property
    def deviation(self) -> float | None:
        """Over the seeds, of a sample (n − 1); None of fewer than two, or where no mean is."""
        known = len(self.scores) > 1 and finite(self.scores)
        return statistics.stdev(self.scores) if known else None

    @property
    def parameters(self) -> int | None:
        return next((one.parameters for one in self.results.values()), None)

    @property
    def tokens_per_second(self) -> float | None:
        """The median over the seeds."""
        known = [one.tokens_per_second for one in self.results.values() if one.tokens_per_second]
        return statistics.median(known) if known else None

    @property
    def as_expected(self) -> int:
        """How many seeds' scores are."""
        expect = self.combination.expect
        return sum(expect.holds(score) for score in self.scores) if expect else 0


def compare(plan: SweepPlan) -> list[VariantScores]:
    """A row for every combination, from the results of its finished runs."""
    rows = [row_of(plan, one) for one in plan.combinations]
    scores = {row.combination.name: row.scores for row in rows}
    compared = {
        row.combination.name: welch(row.scores, scores[row.baseline])
        for row in rows
        if row.baseline is not None
    }
    known = {name: p for name, p in compared.items() if p is not None}
    corrected = dict(zip(known, holm([*known.values()]), strict=True))
    return [
        VariantScores(row.combination, row.baseline, row.results, row.scores, corrected.get(name))
        for name, row in zip(scores, rows, strict=True)
    ]


def row_of(plan: SweepPlan, combination: Combination) -> VariantScores:
    found = {job.seed: read_result(job) for job in plan.jobs(combination)}
    results = {seed: result for seed, result in found.items() if result}
    baseline = plan.baseline(combination)
    return VariantScores(
        combination,
        None if baseline is combination else baseline.name,
        results,
        [result.score(plan.sweep.score) for result in results.values()],
    )


def finite(scores: Sequence[float]) -> bool:
    return all(map(math.isfinite, scores))


def welch(left: Sequence[float], right: Sequence[float]) -> float | None:
    """The two-sided p of equal means where the spreads may differ (Welch, 1947).

    None where fewer than two scores stand on a side, or none differs from its neighbours: there is
    no spread by which to judge. None of scores that are not finite, or too large to be squared.
    """
    if min(len(left), len(right)) < 2 or len({*left}) == len({*right}) == 1:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of equal scores on one side: no mistake
        p = float(ttest_ind(left, right, equal_var=False).pvalue)
    return None if math.isnan(p) else p


def holm(values: Sequence[float]) -> list[float]:
    """Each p as it stands among so many, so that all together err as rarely as one (Holm, 1979)."""
    corrected = [0.0] * len(values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = largest
    return corrected


def passed(row: VariantScores, plan: SweepPlan) -> bool | None:
    """Whether enough seeds' scores are as expected; None where nothing is expected."""
    variant = row.combination.form.variant
    if variant is None or variant.expect is None:
        return None
    return row.as_expected >= (variant.runs or len(plan.sweep.seeds))
