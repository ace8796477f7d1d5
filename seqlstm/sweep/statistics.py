"""Statistics of a sweep's scores: means, deviations, and tests of differences."""

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
    """The results of a combination.

    Attributes:
        combination: the combination.
        baseline: the name of its baseline; None for a baseline itself.
        results: by seed; failed runs have none.
        scores: the compared scores in the order of the seeds; NaN if not finite.
        p: p-value of Welch's t-test against the baseline, corrected for the number of comparisons
            (Holm, 1979); None where the test is not defined.
    """

    combination: Combination
    baseline: str | None
    results: dict[int, Result]
    scores: list[float]
    p: float | None = None

    @property
    def mean(self) -> float | None:
        """The mean score; None if there is no score, or one is not finite."""
        return statistics.mean(self.scores) if self.scores and finite(self.scores) else None

    @property
    def deviation(self) -> float | None:
        """The sample standard deviation (n − 1) over the seeds; None for fewer than two."""
        defined = len(self.scores) > 1 and finite(self.scores)
        return statistics.stdev(self.scores) if defined else None

    @property
    def parameters(self) -> int | None:
        return next((result.parameters for result in self.results.values()), None)

    @property
    def tokens_per_second(self) -> float | None:
        """The median over the seeds; None if no run logged it."""
        speeds = [result.tokens_per_second for result in self.results.values()]
        logged = [speed for speed in speeds if speed]
        return statistics.median(logged) if logged else None

    @property
    def as_expected(self) -> int:
        """The number of scores that are as expected."""
        expect = self.combination.expect
        return sum(expect.holds(score) for score in self.scores) if expect else 0


def compare(plan: SweepPlan) -> list[VariantScores]:
    """The scores of every combination, from its finished runs, with p-values."""
    rows = [scores_of(plan, combination) for combination in plan.combinations]
    scores = {row.combination.name: row.scores for row in rows}
    raw = {
        row.combination.name: welch(row.scores, scores[row.baseline])
        for row in rows
        if row.baseline is not None
    }
    defined = {name: p for name, p in raw.items() if p is not None}
    corrected = dict(zip(defined, holm([*defined.values()]), strict=True))
    return [
        VariantScores(row.combination, row.baseline, row.results, row.scores, corrected.get(name))
        for name, row in zip(scores, rows, strict=True)
    ]


def scores_of(plan: SweepPlan, combination: Combination) -> VariantScores:
    """The scores of a combination, without a p-value."""
    by_seed = {job.seed: read_result(job) for job in plan.jobs(combination)}
    results = {seed: result for seed, result in by_seed.items() if result}
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
    """The two-sided p of Welch's t-test for equal means with unequal variances (Welch, 1947).

    None if a side has fewer than two scores, if both sides have no variance, and for scores that
    are not finite or too large to be squared.
    """
    if min(len(left), len(right)) < 2 or len({*left}) == len({*right}) == 1:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of equal scores on one side: harmless
        p = float(ttest_ind(left, right, equal_var=False).pvalue)
    return None if math.isnan(p) else p


def holm(values: Sequence[float]) -> list[float]:
    """p-values with Holm's step-down correction for multiple comparisons (Holm, 1979)."""
    corrected = [0.0] * len(values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = largest
    return corrected


def passed(row: VariantScores, plan: SweepPlan) -> bool | None:
    """Whether enough scores are as expected; None without an expectation."""
    variant = row.combination.variation.variant
    if variant is None or variant.expect is None:
        return None
    return row.as_expected >= (variant.runs or len(plan.sweep.seeds))
