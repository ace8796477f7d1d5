"""Paired bootstrap resampling against plain loops, and properties of every significance test."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sacrebleu
import torch
from torch import Tensor

from seqlstm import __version__
from seqlstm.evaluation.significance import SystemScore, compare_nats, compare_translations
from tests.recurrent.cases import generator
from tests.tiny import PAIRS

REFERENCES = [target for _, target in PAIRS]
RESAMPLES = 50


def worse(every: int) -> list[str]:
    """The references, with a missing word in every n-th line."""
    return [
        line.split(" ", 1)[1] if row % every == 0 else line for row, line in enumerate(REFERENCES)
    ]


SYSTEMS = {"ours": worse(3), "theirs": worse(2), "best": REFERENCES, "again": worse(3)}


@pytest.fixture(scope="module")
def scores() -> dict[str, dict[str, SystemScore]]:
    return compare_translations(SYSTEMS, REFERENCES, resamples=RESAMPLES).scores


class TestTranslations:
    @pytest.mark.parametrize("name", ["bleu", "chrf", "ter"])
    def test_by_a_plain_loop(self, scores: dict[str, dict[str, SystemScore]], name: str) -> None:
        """Lines resampled with sacreBLEU's seed, both systems scored on them by sacreBLEU."""

        def score(system: str, rows: list[int]) -> float:
            lines, references = (
                [side[row] for row in rows] for side in (SYSTEMS[system], REFERENCES)
            )
            if name == "bleu":
                return float(sacrebleu.corpus_bleu(lines, [references]).score)
            if name == "chrf":
                return float(sacrebleu.corpus_chrf(lines, [references], word_order=2).score)
            return float(sacrebleu.corpus_ter(lines, [references]).score)

        size = len(REFERENCES)
        indices = np.random.default_rng(12345).choice(size, size=(RESAMPLES, size), replace=True)
        resampled = {
            name: [score(name, rows.tolist()) for rows in indices] for name in ("ours", "theirs")
        }
        for system in ("ours", "theirs"):
            result, ordered = scores[system][name], sorted(resampled[system])
            assert result.score == pytest.approx(score(system, [*range(size)]))
            assert result.mean == pytest.approx(sum(ordered) / RESAMPLES, rel=1e-4)
            assert result.ci == pytest.approx((ordered[-2] - ordered[1]) / 2, rel=1e-3)
        theirs = scores["theirs"][name]
        difference = score("theirs", [*range(size)]) - score("ours", [*range(size)])
        assert theirs.difference == pytest.approx(difference)
        far = [
            abs(score_a - score_b)
            for score_a, score_b in zip(resampled["theirs"], resampled["ours"], strict=True)
        ]
        mean = sum(far) / RESAMPLES
        expected = (sum(value - mean > abs(difference) for value in far) + 1) / (RESAMPLES + 1)
        assert theirs.p == pytest.approx(expected)

    def test_the_first_has_no_difference(self, scores: dict[str, dict[str, SystemScore]]) -> None:
        assert list(scores) == list(SYSTEMS)
        for system_score in scores["ours"].values():
            assert system_score.difference is system_score.p is None

    def test_a_clearly_better_system_is_significant(
        self, scores: dict[str, dict[str, SystemScore]]
    ) -> None:
        for name, system_score in scores["best"].items():
            assert system_score.difference is not None
            assert system_score.p is not None
            assert system_score.difference * (-1 if name == "ter" else 1) > 1
            assert system_score.p < 0.05

    def test_equal_translations_have_no_p_value(
        self, scores: dict[str, dict[str, SystemScore]]
    ) -> None:
        """sacreBLEU itself gives the smallest p of all."""
        for system_score in scores["again"].values():
            assert system_score.difference == 0
            assert system_score.p is None

    def test_signatures(self) -> None:
        systems = {name: SYSTEMS[name] for name in ("ours", "theirs")}
        signatures = compare_translations(systems, REFERENCES, resamples=9).signatures
        tail = f"version:{sacrebleu.__version__}"
        assert signatures == {
            "bleu": f"nrefs:1|bs:9|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|{tail}",
            "chrf": f"nrefs:1|bs:9|seed:12345|case:mixed|eff:yes|nc:6|nw:2|space:no|{tail}",
            "ter": f"nrefs:1|bs:9|seed:12345|case:lc|tok:tercom|norm:no|punct:yes|asian:no|{tail}",
        }

    def test_counts_must_agree(self) -> None:
        with pytest.raises(ValueError, match="two systems or more, were: 1"):
            compare_translations({"a": ["x", "y"]}, ["x", "y"])
        with pytest.raises(ValueError, match="two rows or more to resample, were: 1"):
            compare_translations({"a": ["x"], "b": ["x"]}, ["x"])
        with pytest.raises(ValueError, match="b must have a row for each of 2, were: 3"):
            compare_translations({"a": ["x", "y"], "b": ["x", "y", "z"]}, ["x", "y"])


def noise(rows: int, seed: int) -> Tensor:
    return torch.randn(rows, generator=generator(seed), dtype=torch.double)


def texts(rows: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    """The nats and bytes of rows of different lengths."""
    sizes = torch.randint(1, 200, (rows,), generator=generator(seed)).double()
    return sizes * (2 + 0.1 * noise(rows, seed)), sizes


class TestNats:
    def test_by_a_plain_loop(self) -> None:
        ours, sizes = texts(30)
        theirs = ours + noise(30, 5)
        result = compare_nats({"a": ours, "b": theirs}, sizes, unit="line", resamples=40, seed=7)
        indices, resampled = generator(7), []
        for _ in range(40):
            rows = torch.randint(30, (30,), generator=indices).tolist()
            total = sum(float(sizes[row]) for row in rows) * math.log(2)
            resampled.append(
                [sum(float(nats[row]) for row in rows) / total for nats in (ours, theirs)]
            )
        system_score, other = (
            result.scores["a"]["bits_per_byte"],
            result.scores["b"]["bits_per_byte"],
        )
        bits = [float(nats.sum() / sizes.sum()) / math.log(2) for nats in (ours, theirs)]
        assert (system_score.score, other.score) == (pytest.approx(bits[0]), pytest.approx(bits[1]))
        means = [sum(column) / 40 for column in zip(*resampled, strict=True)]
        assert (system_score.mean, other.mean) == (pytest.approx(means[0]), pytest.approx(means[1]))
        ordered = sorted(first for first, _ in resampled)
        assert system_score.ci == pytest.approx((ordered[-2] - ordered[1]) / 2)
        differences = [second - first for first, second in resampled]
        ordered = sorted(differences)
        assert other.difference == pytest.approx(bits[1] - bits[0])
        assert other.difference_ci == pytest.approx((ordered[-2] - ordered[1]) / 2)
        difference = bits[1] - bits[0]
        far = sum(abs(value - difference) >= abs(difference) for value in differences)
        assert 0 < far < 40
        assert other.p == pytest.approx((far + 1) / 41)

    def test_a_model_that_is_better_everywhere_is_significant(self) -> None:
        nats, sizes = texts(20)
        better = {"first": nats, "better": nats - 0.1 * sizes, "worse": nats + 0.1 * sizes}
        scores = compare_nats(better, sizes, unit="line", resamples=200).scores
        for name, sign in (("better", -1), ("worse", 1)):
            system_score = scores[name]["bits_per_byte"]
            assert system_score.difference == pytest.approx(sign * 0.1 / math.log(2))
            assert system_score.difference_ci == pytest.approx(0, abs=1e-12)
            assert system_score.p == pytest.approx(1 / 201)

    def test_equal_nats_have_no_p_value(self) -> None:
        nats, sizes = texts(20)
        scores = compare_nats({"a": nats, "b": nats.clone()}, sizes, unit="line").scores
        system_score = scores["b"]["bits_per_byte"]
        assert (system_score.difference, system_score.difference_ci, system_score.p) == (0, 0, None)

    def test_a_model_that_is_infinitely_bad(self) -> None:
        nats, sizes = texts(20)
        lost = nats.clone()
        lost[3] = math.inf
        scores = compare_nats({"a": nats, "b": lost}, sizes, unit="line").scores
        system_score = scores["b"]["bits_per_byte"]
        assert system_score.score == system_score.difference == math.inf
        assert system_score.p is None

    def test_pairing_finds_differences_that_intervals_do_not_show(self) -> None:
        nats, sizes = texts(100)
        other = nats - sizes * (0.01 + 0.002 * noise(100, 9))
        scores = compare_nats({"a": nats, "b": other}, sizes, unit="line").scores["b"]
        result = scores["bits_per_byte"]
        assert result.difference is not None
        assert result.p is not None
        assert abs(result.difference) < result.ci
        assert result.p < 0.01

    def test_the_interval_of_many_equal_rows_is_the_normal_ones(self) -> None:
        rows, sizes = 2000, torch.full((2000,), 50.0)
        other = noise(rows, 3)
        systems = {"a": torch.zeros(rows), "b": other}
        result = compare_nats(systems, sizes, unit="line").scores["b"]["bits_per_byte"]
        expected = 1.96 * float(other.std()) / math.sqrt(rows) / 50 / math.log(2)
        assert result.difference_ci == pytest.approx(expected, rel=0.1)

    def test_the_error_rate_is_the_level_of_the_test(self) -> None:
        """Models that differ by noise alone, 300 times: about one in twenty has p < 0.05."""
        wrong = 0
        for trial in range(300):
            nats, sizes = texts(50, seed=trial + 1)
            systems = {"a": nats, "b": nats + noise(50, seed=1000 + trial)}
            scores = compare_nats(systems, sizes, unit="line", resamples=100).scores["b"]
            p = scores["bits_per_byte"].p
            wrong += p is not None and p < 0.05
        assert 0.02 < wrong / 300 < 0.09

    def test_the_seed_determines_the_result(self) -> None:
        nats, sizes = texts(20)
        systems = {"a": nats, "b": nats + noise(20, 2)}
        same = [compare_nats(systems, sizes, unit="line", seed=seed) for seed in (3, 3, 4)]
        assert same[0] == same[1]
        assert same[0].scores != same[2].scores

    def test_the_signature(self) -> None:
        nats, sizes = texts(20)
        result = compare_nats({"a": nats, "b": nats}, sizes, unit="document", resamples=10, seed=3)
        assert result.signatures == {
            "bits_per_byte": "paired bootstrap|over:20 documents|bs:10|seed:3"
            f"|p:two-sided, centred|ci:95%|version:{__version__}"
        }

    def test_counts_must_agree(self) -> None:
        with pytest.raises(ValueError, match="two systems or more, were: 1"):
            compare_nats({"a": torch.ones(3)}, torch.ones(3), unit="line")
        with pytest.raises(ValueError, match="b must have a row for each of 3, were: 2"):
            compare_nats({"a": torch.ones(3), "b": torch.ones(2)}, torch.ones(3), unit="line")
