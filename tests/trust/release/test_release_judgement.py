"""What a release is measured by: k and l against an oracle, and identifiers planted among its values."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import ZIP_AREAS, ReleasedColumnPlan, ReleasePlan
from a360.trust.release import judge

TODAY = date(2026, 11, 23)
SHARED = ["botulinum toxin", "filler", None]


def release(*columns, profile="safe_harbor", **more):
    """The plan of a release of patients with these columns: name, type, element, and a method."""
    patient = ReleasedColumnPlan("patient_key", "string", "patient")
    return ReleasePlan(
        "gold.x", "1.0.0", profile, (patient, *(ReleasedColumnPlan(*each) for each in columns)), **more
    )


def judged(plan, types, rows):
    """The judgement of rows that are tuples in the order of the plan's columns."""
    names = [column.name for column in plan.columns]
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    arrays = [pa.array(column, type_) for column, type_ in zip(columns, [pa.string(), *types], strict=True)]
    return judge(pa.table(dict(zip(names, arrays, strict=True))), plan, TODAY)


def classes(rows):
    """The rows by the values of their quasi-identifiers, the two columns after the patient."""
    found = defaultdict(list)
    for row in rows:
        found[row[1:3]].append(row)
    return found


ROW = st.tuples(
    st.sampled_from([f"p{number}" for number in range(12)] + [None]),
    st.sampled_from([1980, 1990, None]),
    st.sampled_from([10, 20]),
    st.sampled_from([1, 2, 3, None]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ROW, max_size=60), st.integers(2, 4), st.integers(1, 3))
def test_classes_are_as_large_and_as_diverse_as_counting_them_says(rows, k, least):
    """What leaves is what a count by hand keeps, and k and l are those of the smallest class that is left."""
    plan = release(
        ("born", "int", "birth_date"),
        ("age", "int", "age"),
        ("finding", "int", "value"),
        profile="expert",
        quasi_identifiers=("born", "age"),
        sensitive=("finding",),
        k=k,
        l=least,
        suppress=Decimal(1),
        determination="E-1",
    )
    kept = {
        key: members
        for key, members in classes(rows).items()
        if len({row[0] for row in members} - {None}) >= k and len({row[3] for row in members}) >= least
    }
    found = judged(plan, [pa.int32()] * 3, rows)
    left = sorted((tuple(row.values()) for row in found.rows.to_pylist()), key=str)
    assert left == sorted((row for members in kept.values() for row in members), key=str)
    assert found.figures.suppressed_rows == len(rows) - len(left)
    if kept:
        assert found.figures.k == min(len({row[0] for row in each} - {None}) for each in kept.values())
        assert found.figures.l == min(len({row[3] for row in each}) for each in kept.values())
        assert found.figures.classes == len(kept)


NAMES = st.from_regex(r"[A-Z][a-z]{2,9} [A-Z][a-z]{2,9}", fullmatch=True)
LOOKING = st.one_of(
    st.emails(),
    st.from_regex(r"\(?[2-9][0-9]{2}[ .-][0-9]{3}-[0-9]{4}", fullmatch=True),
    st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.from_regex(r"https?://[a-z]{3,9}\.com/[a-z]{1,5}", fullmatch=True),
    st.dates(date(1900, 1, 1), date(2026, 1, 1)).map(str),
    st.dates(date(1900, 1, 1), date(2026, 1, 1)).map(lambda day: f"{day:%m/%d/%Y}"),
    st.uuids().map(str),
    st.uuids().map(lambda each: each.hex),
    st.from_regex(r"[0-9]{5}-[0-9]{4}", fullmatch=True),
)


def planted(text):
    """A release of forty patients, one of whom has a text of its own."""
    plan = release(("finding", "string", "value"), suppress=Decimal("0.1"))
    rows = [(f"p{number % 40}", SHARED[number % 3]) for number in range(120)]
    return judged(plan, [pa.string()], [*rows, ("p1", text)])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "seen by ", "tel: "]), LOOKING), min_size=8, max_size=8))
def test_what_looks_like_an_identifier_keeps_a_release_in(identifiers):
    """Safe Harbor finds each, in a column of its own, and no message has one."""
    names = [f"c{number}" for number in range(len(identifiers))]
    plan = release(*((name, "string", "value") for name in names), suppress=Decimal("0.5"))
    rows = [(f"p{number}", *(["filler"] * len(names))) for number in range(40)]
    found = judged(plan, [pa.string()] * len(names), [*rows, ("p1", *map("".join, identifiers))])
    assert {each.column for each in found.findings} == set(names)
    assert not any(identifier in str(each) for each in found.findings for _, identifier in identifiers)


@settings(max_examples=15, deadline=None)
@given(st.one_of(NAMES, st.from_regex(r"[A-Z]{0,3}[0-9]{4,9}", fullmatch=True)))
def test_a_text_that_few_patients_have_does_not_leave(text):
    """A name or a record number among codes looks like one; that nobody else has it gives it away."""
    found = planted(text)
    assert text not in found.rows["finding"].to_pylist()
    assert (found.findings, found.figures.suppressed_values, found.figures.touched_rows) == ([], 1, 1)


@pytest.mark.parametrize(
    ("column", "type_", "value"),
    [
        (("seen", "date", "date", "year"), pa.date32(), date(2026, 1, 2)),
        (("seen", "timestamptz", "date", "year"), pa.timestamp("us", "UTC"), 1_767_225_600_000_001),
        (("seen", "int", "date"), pa.int32(), 20260102),
        (("born", "int", "birth_date"), pa.int32(), 1936),
        (("born", "date", "birth_date", "year"), pa.date32(), date(1930, 1, 1)),
        (("age", "int", "age"), pa.int32(), 90),
        (("zip", "string", "zip"), pa.string(), "10001"),
        (("zip", "string", "zip"), pa.string(), "036"),
        (("state", "string", "state"), pa.string(), "Springfield"),
        (("units", "decimal(18,2)", "value"), pa.decimal128(18, 2), Decimal(123456789)),
        (("count", "long", "value"), pa.int64(), -5551234567),
        (("sex", "string", "value", None, ("female", "male")), pa.string(), "Parkinson"),
    ],
    ids=str,
)
def test_a_value_that_its_element_may_not_have_keeps_a_release_in(column, type_, value):
    """One value among many, which masks of the model should have made less telling."""
    plan = release(column, suppress=Decimal("0.5"))
    rows = [(f"p{number}", None) for number in range(40)]
    assert judged(plan, [type_], rows).findings == []
    [finding] = judged(plan, [type_], [*rows, ("p1", value)]).findings
    assert (finding.column, finding.count) == (column[0], 1)


@pytest.mark.parametrize(
    ("column", "type_", "value"),
    [
        (("seen", "date", "date", "year"), pa.date32(), date(2026, 1, 1)),
        (("born", "int", "birth_date"), pa.int32(), 1937),
        (("age", "int", "age"), pa.int32(), 89),
        (("age", "int", "age", "age_band"), pa.int32(), 90),
        (("zip", "string", "zip", "zip3"), pa.string(), "100"),
        (("zip", "string", "zip", "zip3"), pa.string(), "000"),
        (("state", "string", "state"), pa.string(), "New York"),
        (("state", "string", "state"), pa.string(), "DC"),
        (("sex", "string", "value", None, ("female", "male")), pa.string(), "male"),
    ],
    ids=str,
)
def test_what_safe_harbor_lets_pass_passes(column, type_, value):
    """The nearest value that is allowed, had by one patient alone."""
    found = judged(release(column), [type_], [("p1", value), ("p2", None)])
    assert found.findings == []
    assert found.rows[column[0]].null_count == 1


def test_more_than_the_contract_lets_is_not_left_out_in_silence():
    """Where rare texts are more than the share to suppress, nothing leaves."""
    plan = release(("finding", "string", "value"), suppress=Decimal("0.1"))
    rows = [(f"p{number}", "filler" if number % 2 else f"of {number} only") for number in range(40)]
    found = judged(plan, [pa.string()], rows)
    assert [each.count for each in found.findings] == [20]


def test_the_areas_of_few_people_are_those_that_hhs_lists_of_the_census_of_2000():
    """Seventeen, as the guidance has them."""
    listed = "036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893"
    assert (ZIP_AREAS.census, " ".join(sorted(ZIP_AREAS.restricted))) == ("2000", listed)
