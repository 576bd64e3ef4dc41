"""Rules that hold for whatever is sent: row ids, versions of views, pages, transforms."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.transforms import parse_transform
from pyiceberg.types import PrimitiveType

from a360.catalog._errors import RestError
from a360.catalog.metadata import apply_updates, apply_view_updates, new_metadata, new_view
from a360.catalog.metadata._types import can_transform
from a360.catalog.server._pages import page

SCHEMA = {"type": "struct", "fields": [{"id": 1, "name": "a", "required": False, "type": "long"}]}
TYPES = [
    "boolean",
    "int",
    "long",
    "float",
    "double",
    "decimal(9,2)",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "timestamp_ns",
    "timestamptz_ns",
    "string",
    "uuid",
    "fixed[4]",
    "binary",
]
TRANSFORMS = ["identity", "bucket[4]", "truncate[4]", "year", "month", "day", "hour", "void"]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("kind", TYPES)
def test_transforms_work_on_the_types_they_work_on_in_pyiceberg(kind, transform):
    """Which column a transform takes is what PyIceberg says."""
    theirs = parse_transform(transform).can_transform(PrimitiveType.model_validate(kind))
    assert can_transform(kind, transform) == theirs


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20), st.booleans()), max_size=12))
def test_no_row_id_is_given_twice(snapshots):
    """Whatever snapshots writers of v3 send, those taken share no row id, and the counter is above all."""
    document = new_metadata({"schema": SCHEMA, "properties": {"format-version": "3"}}, "/lake/t")
    taken = []
    for number, (first, rows, current) in enumerate(snapshots, start=1):
        snapshot = {
            "snapshot-id": number,
            "sequence-number": number,
            "timestamp-ms": number,
            "manifest-list": "m",
            "summary": {"operation": "append"},
            "first-row-id": first,
            "added-rows": rows,
        }
        ref = {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": number}
        updates = [{"action": "add-snapshot", "snapshot": snapshot}, *([ref] if current else [])]
        try:
            document = apply_updates(document, updates)
        except RestError:
            continue
        taken.append(range(first, first + rows))
    ids = [number for each in taken for number in each]
    assert len(set(ids)) == len(ids)
    assert document["next-row-id"] > max(ids, default=-1)


def view_version(number, sql):
    return {
        "version-id": number,
        "timestamp-ms": number,
        "schema-id": 0,
        "summary": {},
        "representations": [{"type": "sql", "sql": sql, "dialect": "duckdb"}],
        "default-namespace": ["gold"],
    }


VIEW = {"schema": SCHEMA, "view-version": view_version(1, "SELECT 0 AS a")}
STEP = st.one_of(
    st.tuples(st.just("new"), st.integers(0, 9)),
    st.tuples(st.just("add"), st.integers(0, 9)),
    st.tuples(st.just("back"), st.integers(1, 9)),
    st.tuples(st.just("keep"), st.integers(1, 4)),
)


def updates_of(step, number):
    version = {"action": "add-view-version", "view-version": view_version(number, f"SELECT {number} AS a")}
    current = {"action": "set-current-view-version", "view-version-id": -1}
    kept = {"action": "set-properties", "updates": {"version.history.num-entries": str(number)}}
    return {
        "new": [version, current],
        "add": [version],
        "back": [{**current, "view-version-id": number}],
        "keep": [kept],
    }[step]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.lists(STEP, min_size=1, max_size=3), max_size=8))
def test_a_view_always_has_its_current_version(commits):
    """Whatever happens to a view: its current version is there, and the log ends with it, without gaps."""
    document = new_view(VIEW, "/lake/v")
    for steps in commits:
        before = json.dumps(document)
        updates = [update for step, number in steps for update in updates_of(step, number)]
        try:
            following = apply_view_updates(document, updates)
        except RestError:
            following = document
        assert json.dumps(document) == before
        changed, document = following is not document, following
        ids = [each["version-id"] for each in document["versions"]]
        added = sum(update["action"] == "add-view-version" for update in updates)
        kept = int(document["properties"].get("version.history.num-entries", 10))
        assert len(set(ids)) == len(ids)
        assert not changed or len(ids) <= max(kept, added + 1)
        assert document["version-log"][-1]["version-id"] == document["current-version-id"]
        assert {each["version-id"] for each in document["version-log"]} <= set(ids)


NAMES = st.sets(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=4), max_size=12)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(start=NAMES, comings=st.lists(NAMES, max_size=8), size=st.integers(1, 5))
def test_pages_lead_through_what_stays(start, comings, size):
    """While names come and go between pages, each that stays is seen once, and none twice."""
    present, seen, token, staying = set(start), [], "", set(start)
    changes = iter(comings)
    while token is not None:
        found = sorted((name,) for name in present)
        body = json.loads(page("names", found, {"pageToken": token, "pageSize": str(size)}).body)
        seen += [each[0] for each in body["names"]]
        assert len(body["names"]) <= size
        token = body["next-page-token"]
        present ^= next(changes, set())
        staying &= present
    assert len(set(seen)) == len(seen)
    assert staying <= set(seen)
