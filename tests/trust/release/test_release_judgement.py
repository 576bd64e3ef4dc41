"""What a release is measured by: k and l against an oracle, and identifiers planted among its values."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import ZIP_AREAS, ReleasedColumnPlan, ReleasePlan
from a360.engine.duckdb import BareSession
from a360.trust.release import LEAVING, Figures, Finding, judge

TODAY = date(2026, 11, 23)
SHARED = ["botulinum toxin", "filler", None]


def release(*columns, profile="safe_harbor", **more):
    """The plan of a release of patients with these columns: name, type, element, and a method."""
    patient = ReleasedColumnPlan("patient_key", "string", "patient")
    return ReleasePlan(
        "gold.x", "1.0.0", profile, (patient, *(ReleasedColumnPlan(*each) for each in columns)), **more
    )


@dataclass
class Judged:
    """A judgement, with the rows that may leave."""

    rows: pa.Table
    figures: Figures
    findings: list[Finding]


@pytest.fixture(scope="module")
def judged():
    """Judges rows that are tuples in the order of a plan's columns."""

    def judged(plan, types, rows):
        names = [column.name for column in plan.columns]
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        typed = zip(columns, [pa.string(), *types], strict=True)
        arrays = [pa.array(column, type_) for column, type_ in typed]
        session.register("given", pa.table(dict(zip(names, arrays, strict=True))))
        found = judge(session, "given", plan, TODAY)
        left = session.sql(f"SELECT {', '.join(names)} FROM {LEAVING}")
        return Judged(left, found.figures, list(found.findings))

    with BareSession() as session:
        yield judged


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
def test_classes_are_as_large_and_as_diverse_as_counting_them_says(judged, rows, k, least):
    """What leaves is what a count by hand keeps; k and l are the smallest class's; no value is no value."""
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
        if len({row[0] for row in members} - {None}) >= k
        and len({row[3] for row in members} - {None}) >= least
    }
    found = judged(plan, [pa.int32()] * 3, rows)
    left = sorted((tuple(row.values()) for row in found.rows.to_pylist()), key=str)
    assert left == sorted((row for members in kept.values() for row in members), key=str)
    assert found.figures.suppressed_rows == len(rows) - len(left)
    if kept:
        assert found.figures.k == min(len({row[0] for row in each} - {None}) for each in kept.values())
        assert found.figures.l == min(len({row[3] for row in each} - {None}) for each in kept.values())
        assert found.figures.classes == len(kept)


CLINICAL = [
    "2085-9",
    "1/2 of 3/4",
    "Botox 100 U",
    "2 may be given",
    "OCT 2D scan",
    "12 weeks",
    "ISO 9001:2015",
]
NAMES = st.from_regex(r"[A-Z][a-z]{2,9} [A-Z][a-z]{2,9}", fullmatch=True)
LOOKING = st.one_of(
    st.emails(),
    st.from_regex(r"\(?[2-9][0-9]{2}[ .-][0-9]{3}-[0-9]{4}", fullmatch=True),
    st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.from_regex(r"https?://[a-z]{3,9}\.com/[a-z]{1,5}", fullmatch=True),
    st.dates(date(1900, 1, 1), date(2026, 1, 1)).map(str),
    st.tuples(
        st.dates(date(1900, 1, 1), date(2026, 1, 1)),
        st.sampled_from(
            [
                "%m/%d/%Y",
                "%d.%m.%Y",
                "%m-%d-%Y",
                "%m/%d/%y",
                "%Y/%m/%d",
                "%Y-%m",
                "%B %d, %Y",
                "%d %b %Y",
                "%b %Y",
                "%d of %B",
                "%B %dth",
                "%Y-%m-%dT%H:%M:%SZ",
            ]
        ),
    ).map(lambda each: each[0].strftime(each[1])),
    st.integers(90, 120).map("{} years old".format),
    st.integers(90, 120).map("{}yo".format),
    st.from_regex(r"\+44 20 [0-9]{4} [0-9]{4}", fullmatch=True),
    st.ip_addresses(network="2000::/3").map(str),
    st.from_regex(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", fullmatch=True),
    st.from_regex(r"\(01\)[0-9]{14}\(21\)[A-Z0-9]{4,8}", fullmatch=True),
    st.uuids().map(str),
    st.uuids().map(lambda each: each.hex),
    st.from_regex(r"[0-9]{5}-[0-9]{4}", fullmatch=True),
)


def planted(judged, text):
    """A release of forty patients, one of whom has a text of its own."""
    plan = release(("finding", "string", "value"), suppress=Decimal("0.1"))
    rows = [(f"p{number % 40}", SHARED[number % 3]) for number in range(120)]
    return judged(plan, [pa.string()], [*rows, ("p1", text)])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "seen by ", "tel: "]), LOOKING), min_size=8, max_size=8))
def test_what_looks_like_an_identifier_keeps_a_release_in(judged, identifiers):
    """Safe Harbor finds each, in a column of its own, and no message has one."""
    names = [f"c{number}" for number in range(len(identifiers))]
    plan = release(*((name, "string", "value") for name in names), suppress=Decimal("0.5"))
    rows = [(f"p{number}", *(["filler"] * len(names))) for number in range(40)]
    found = judged(plan, [pa.string()] * len(names), [*rows, ("p1", *map("".join, identifiers))])
    assert {each.column for each in found.findings} == set(names)
    assert not any(identifier in str(each) for each in found.findings for _, identifier in identifiers)


@settings(max_examples=15, deadline=None)
@given(st.one_of(NAMES, st.from_regex(r"[A-Z]{0,3}[0-9]{4,9}", fullmatch=True)))
def test_a_text_that_few_patients_have_does_not_leave(judged, text):
    """A name or a record number among codes looks like one; that nobody else has it gives it away."""
    found = planted(judged, text)
    assert text not in found.rows["finding"].to_pylist()
    assert (found.findings, found.figures.suppressed_values, found.figures.touched_rows) == ([], 1, 1)


@pytest.mark.parametrize("text", CLINICAL)
def test_what_clinics_write_is_taken_for_no_identifier(judged, text):
    """Codes, fractions, amounts and words that many patients share leave."""
    plan = release(("finding", "string", "value"))
    found = judged(plan, [pa.string()], [(f"p{number}", text) for number in range(11)])
    assert (found.findings, found.rows["finding"].null_count) == ([], 0)


@pytest.mark.parametrize(
    ("kind", "type_", "number", "leaves"),
    [
        ("long", pa.int64(), 9999, True),
        ("long", pa.int64(), 10_000, False),
        ("long", pa.int64(), -482_113, False),
        ("double", pa.float64(), 482_113.0, False),
        ("double", pa.float64(), 482_113.5, True),
        ("decimal(9,2)", pa.decimal128(9, 2), Decimal("482113.00"), False),
        ("decimal(9,2)", pa.decimal128(9, 2), Decimal("482113.50"), True),
        ("decimal(7,0)", pa.decimal128(7, 0), Decimal(482_113), False),
    ],
    ids=str,
)
def test_a_long_whole_number_that_few_patients_have_does_not_leave(judged, kind, type_, number, leaves):
    """It may be a record's number or a ZIP code, in whatever type; a count has fewer digits."""
    plan = release(("units", kind, "value"), suppress=Decimal("0.1"))
    rows = [(f"p{each}", 20_000) for each in range(40)]
    found = judged(plan, [type_], [*rows, ("p1", number)])
    assert ((number in found.rows["units"].to_pylist()), found.findings) == (leaves, [])
    assert found.figures.suppressed_values == (not leaves)


CELL = st.one_of(st.none(), st.sampled_from("abc"))


def kept_by_hand(rows, k, least):
    """Rows of patient, text, finding: what rare texts and small classes leave, taken out until nothing is."""
    rows = [list(row) for row in rows]
    while True:
        before = [list(row) for row in rows]
        for column in (1, 2):
            who = defaultdict(set)
            for row in rows:
                who[row[column]].add(row[0])
            for row in rows:
                if len(who[row[column]] - {None}) < k:
                    row[column] = None
        if rows == before:
            found = defaultdict(list)
            for row in rows:
                found[row[1]].append(row)
            rows = [
                row
                for members in found.values()
                if len({each[0] for each in members} - {None}) >= k
                and len({each[2] for each in members} - {None}) >= least
                for row in members
            ]
        if rows == before:
            return sorted(map(tuple, rows), key=str)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([f"p{each}" for each in range(8)] + [None]), CELL, CELL), max_size=40),
    st.integers(1, 4),
    st.integers(1, 2),
)
def test_rare_texts_and_small_classes_go_until_nothing_is_too_small(judged, rows, k, least):
    """As an oracle in plain loops takes them out, whatever that makes rare in its turn."""
    plan = release(
        ("text", "string", "value"),
        ("finding", "string", "value"),
        profile="expert",
        quasi_identifiers=("text",),
        sensitive=("finding",),
        k=k,
        l=least,
        suppress=Decimal(1),
        determination="E-1",
    )
    found = judged(plan, [pa.string()] * 2, rows)
    left = sorted((tuple(row.values()) for row in found.rows.to_pylist()), key=str)
    assert left == kept_by_hand(rows, k, least)


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
def test_a_value_that_its_element_may_not_have_keeps_a_release_in(judged, column, type_, value):
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
        (("count", "int", "value"), pa.int32(), 9999),
        *((("finding", "string", "value", None, (text,)), pa.string(), text) for text in CLINICAL),
    ],
    ids=str,
)
def test_what_safe_harbor_lets_pass_passes(judged, column, type_, value):
    """The nearest value that is allowed, had by one patient alone."""
    found = judged(release(column), [type_], [("p1", value), ("p2", None)])
    assert found.findings == []
    assert found.rows[column[0]].null_count == 1


def test_more_than_the_contract_lets_is_not_left_out_in_silence(judged):
    """Where rare texts are more than the share to suppress, nothing leaves."""
    plan = release(("finding", "string", "value"), suppress=Decimal("0.1"))
    rows = [(f"p{number}", "filler" if number % 2 else f"of {number} only") for number in range(40)]
    found = judged(plan, [pa.string()], rows)
    assert [each.count for each in found.findings] == [20]


def test_the_areas_of_few_people_are_those_that_hhs_lists_of_the_census_of_2000():
    """Seventeen, as the guidance has them."""
    listed = "036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893"
    assert (ZIP_AREAS.census, " ".join(sorted(ZIP_AREAS.restricted))) == ("2000", listed)
