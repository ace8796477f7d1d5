import pytest

from seqlstm.data.cleaning import CleaningReport, clean_pairs, count_overlap

PAIRS = [("a b", "c"), (" ", "x"), ("a b c", "d e f"), ("a b", "c"), ("a", "b c d"), ("x", "")]


def words(pairs):
    return [(len(first.split()), len(second.split())) for first, second in pairs]


class TestCleanPairs:
    def test_by_default_only_pairs_with_an_empty_side_are_left_out(self):
        kept, report = clean_pairs(PAIRS, lengths=words(PAIRS))
        assert kept == [0, 2, 3, 4]
        assert report == CleaningReport(read=6, empty=2)

    def test_every_reason_is_counted_once_and_limits_are_inclusive(self):
        kept, report = clean_pairs(
            PAIRS, lengths=words(PAIRS), max_length=2, max_length_ratio=2.0, drop_duplicates=True
        )
        assert kept == [0]
        assert report == CleaningReport(read=6, empty=2, too_long=2, duplicates=1)
        kept, report = clean_pairs(PAIRS, lengths=words(PAIRS), max_length=3, max_length_ratio=2.0)
        assert kept == [0, 2, 3]
        assert report == CleaningReport(read=6, empty=2, uneven=1)

    def test_a_pair_that_is_left_out_does_not_count_as_a_duplicates_first(self):
        pairs = [("a", "b"), ("a", "b")]
        kept, report = clean_pairs(
            pairs, lengths=[(9, 1), (1, 1)], max_length=5, drop_duplicates=True
        )
        assert kept == [1]
        assert report.duplicates == 0

    def test_with_allow_empty_side_only_empty_pairs_are_left_out(self):
        pairs = [("x", ""), (" ", "y"), (" ", ""), ("x", "y")]
        kept, report = clean_pairs(pairs, lengths=words(pairs), allow_empty_side=True)
        assert kept == [0, 1, 3]
        assert report == CleaningReport(read=4, empty=1)

    def test_lengths_must_match(self):
        with pytest.raises(ValueError, match="were: 6, 0"):
            clean_pairs(PAIRS, lengths=[])

    def test_the_line_names_only_reasons_that_occurred(self):
        assert CleaningReport(read=3).line() == "kept 3 of 3 pairs"
        report = CleaningReport(read=12_000, empty=1, too_long=1_000, duplicates=2)
        assert report.kept == 10_997
        expected = "kept 10,997 of 12,000 pairs (1 empty, 1,000 too long, 2 duplicates)"
        assert report.line() == expected


class TestOverlap:
    def test_counts_training_rows_without_the_empty_ones(self):
        assert count_overlap(["a ", "a", "b", "", " "], [" a", "", "c"]) == 2

    def test_both_sides_of_a_pair_must_agree(self):
        assert count_overlap([("a", "b"), ("a", "c"), (" ", "")], [("a", " b"), ("", "")]) == 1
