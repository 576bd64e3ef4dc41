"""The score of a dataset: one number for a person who looks at many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.quality import RuleResult, score


def result(passed, checked=None, failed=None):
    return RuleResult("silver.x", "r", "k", "accuracy", "warning", passed, checked=checked, failed=failed)


def test_a_dataset_without_rules_has_no_score():
    """Where nothing was measured there is no score, and certainly not a perfect one."""
    assert score([]) is None


@pytest.mark.parametrize(
    ("results", "wanted"),
    [
        ([result(True, checked=10, failed=0)], 100.0),
        ([result(False, checked=10, failed=10)], 0.0),
        ([result(False, checked=3, failed=1)], 66.67),
        ([result(True, checked=0, failed=0)], 100.0),
        ([result(True), result(False)], 50.0),
        ([result(False, checked=4, failed=1), result(True)], 87.5),
        ([result(False, checked=10_000_000, failed=1)], 99.99),
    ],
)
def test_the_score_is_the_mean_share_of_rows_that_pass(results, wanted):
    """Rules that count rows give the share that passed, others all or nothing; the score is their mean."""
    assert score(results) == wanted


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted), min_size=1, max_size=8))
def test_the_score_stays_within_its_range_and_never_rises_with_failures(counts):
    """The score lies between 0 and 100, and one more failed row never raises it."""
    before = score([result(failed == 0, checked, failed) for failed, checked in counts])
    worse = score([result(failed == 0, checked, min(checked, failed + 1)) for failed, checked in counts])
    assert 0 <= worse <= before <= 100
