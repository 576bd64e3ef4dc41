"""Reports and commit ids."""

import dataclasses
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.errors import InternalError
from a360.table import StepReport, new_commit_id

PARTS = ("landed", "quarantined", "duplicates", "unchanged", "superseded", "filtered")


@given(st.lists(st.integers(0, 10**9), min_size=6, max_size=6), st.integers(-3, 3))
def test_a_report_reconciles_only_when_read_is_the_sum_of_its_parts(parts, off):
    """A report passes exactly when everything read is accounted for once."""
    report = StepReport("silver.patient", None, read=sum(parts) + off, **dict(zip(PARTS, parts, strict=True)))
    if off == 0:
        report.require_reconciled()
    else:
        with pytest.raises(InternalError) as error:
            report.require_reconciled()
        assert error.value.code.slug == "counts-do-not-reconcile"


def test_a_report_has_the_json_fields_that_later_work_relies_on():
    """The JSON form has exactly the fixed fields, in their order."""
    report = StepReport("gold.visit_facts", "ab", output_rows=3, seconds=0.5)
    assert list(report.to_json()) == [
        "dataset",
        "commit_id",
        "read",
        *PARTS,
        "output_rows",
        "seconds",
    ]


def test_commit_ids_are_unique_and_sort_by_time():
    """Ids made one after the other are distinct, increasing, and carry the time in front."""
    ids = [new_commit_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))
    assert all(len(one) == 32 and one[12] == "7" and one[16] in "89ab" for one in ids)
    assert abs(int(ids[-1][:12], 16) / 1000 - time.time()) < 60


def test_reports_are_frozen():
    """A report cannot be changed after it was made."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        StepReport("a.b", None).read = 3
