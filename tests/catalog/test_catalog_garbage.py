"""Garbage in bodies is refused, never a fault of the catalog, and leaves everything as it was."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.table.metadata import TableMetadataUtil
from pyiceberg.view.metadata import ViewMetadata

from a360.catalog._errors import BadRequestError, CommitFailedError
from a360.catalog._wire import Request
from a360.catalog.metadata import (
    apply_updates,
    apply_view_updates,
    check_requirements,
    check_view_requirements,
    new_metadata,
    new_view,
)
from a360.catalog.server import FULL, EmbeddedCatalog

SCHEMA = {
    "type": "struct",
    "schema-id": 0,
    "identifier-field-ids": [1],
    "fields": [
        {"id": 1, "name": "a", "required": True, "type": "long"},
        {
            "id": 2,
            "name": "b",
            "required": False,
            "type": {"type": "list", "element-id": 3, "element": "string", "element-required": False},
        },
    ],
}
VERSION = {
    "version-id": 1,
    "timestamp-ms": 1,
    "schema-id": 0,
    "summary": {"engine-name": "x"},
    "representations": [{"type": "sql", "sql": "SELECT 1", "dialect": "duckdb"}],
    "default-namespace": ["silver"],
}
SNAPSHOT = {
    "snapshot-id": 1,
    "sequence-number": 1,
    "timestamp-ms": 1,
    "manifest-list": "m",
    "summary": {"operation": "append"},
    "first-row-id": 0,
    "added-rows": 1,
}
STATISTICS = {
    "snapshot-id": 1,
    "statistics-path": "s",
    "file-size-in-bytes": 2,
    "file-footer-size-in-bytes": 1,
    "blob-metadata": [{"type": "t", "snapshot-id": 1, "sequence-number": 1, "fields": [1]}],
}
FIELD = {"source-id": 1, "transform": "bucket[4]", "name": "p", "field-id": 1000}
UPDATES = [
    {"action": "assign-uuid", "uuid": "00000000-0000-0000-0000-000000000001"},
    {"action": "upgrade-format-version", "format-version": 3},
    {"action": "add-schema", "schema": SCHEMA},
    {"action": "set-current-schema", "schema-id": 0},
    {"action": "remove-schemas", "schema-ids": [7]},
    {"action": "add-spec", "spec": {"spec-id": 1, "fields": [FIELD]}},
    {"action": "set-default-spec", "spec-id": -1},
    {"action": "remove-partition-specs", "spec-ids": [7]},
    {"action": "add-sort-order", "sort-order": {"order-id": 1, "fields": [FIELD]}},
    {"action": "set-default-sort-order", "sort-order-id": -1},
    {"action": "set-properties", "updates": {"write.metadata.previous-versions-max": "3"}},
    {"action": "remove-properties", "removals": ["a"]},
    {"action": "add-encryption-key", "encryption-key": {"key-id": "k", "encrypted-key-metadata": "AA=="}},
    {"action": "remove-encryption-key", "key-id": "k"},
    {"action": "add-snapshot", "snapshot": SNAPSHOT},
    {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 1},
    {"action": "set-statistics", "statistics": STATISTICS},
    {"action": "set-partition-statistics", "partition-statistics": STATISTICS},
    {"action": "remove-statistics", "snapshot-id": 1},
    {"action": "remove-partition-statistics", "snapshot-id": 1},
    {"action": "remove-snapshot-ref", "ref-name": "audit"},
    {"action": "remove-snapshots", "snapshot-ids": [7]},
]
REQUIREMENTS = [
    {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": None},
    {"type": "assert-current-schema-id", "current-schema-id": 0},
]
VIEW = {"name": "v", "schema": SCHEMA, "view-version": VERSION, "properties": {"a": "1"}}
NAMES = {
    "source": {"namespace": ["silver"], "name": "x"},
    "destination": {"namespace": ["silver"], "name": "y"},
}
VIEW_UPDATES = [
    {"action": "add-schema", "schema": SCHEMA},
    {"action": "add-view-version", "view-version": {**VERSION, "version-id": 2}},
    {"action": "set-current-view-version", "view-version-id": -1},
    {"action": "set-properties", "updates": {"version.history.num-entries": "2"}},
]
SPACE = "/v1/namespaces/silver"
REQUESTS = {
    "create_namespace": ("/v1/namespaces", {"namespace": ["n"], "properties": {"a": "1"}}),
    "update_properties": (f"{SPACE}/properties", {"removals": ["a"], "updates": {"b": "1"}}),
    "create_table": (
        f"{SPACE}/tables",
        {
            "name": "t",
            "schema": SCHEMA,
            "partition-spec": {"fields": [FIELD]},
            "write-order": {"order-id": 1, "fields": [FIELD]},
            "properties": {"format-version": "3"},
            "stage-create": True,
        },
    ),
    "register_table": (f"{SPACE}/register", {"name": "r", "metadata-location": "/x", "overwrite": False}),
    "update_table": (f"{SPACE}/tables/visit", {"requirements": REQUIREMENTS, "updates": UPDATES}),
    "commit_transaction": (
        "/v1/transactions/commit",
        {
            "table-changes": [
                {"identifier": NAMES["source"], "requirements": REQUIREMENTS, "updates": UPDATES[:3]}
            ]
        },
    ),
    "rename_table": ("/v1/tables/rename", NAMES),
    "report_metrics": (
        f"{SPACE}/tables/visit/metrics",
        {
            "report-type": "scan-report",
            "snapshot-id": 1,
            "metrics": {"a": {"unit": "count", "value": 1}},
            "metadata": {"engine-name": "x"},
        },
    ),
    "create_view": (f"{SPACE}/views", VIEW),
    "replace_view": (
        f"{SPACE}/views/busy",
        {"requirements": [{"type": "assert-view-uuid", "uuid": "x"}], "updates": VIEW_UPDATES},
    ),
    "rename_view": ("/v1/views/rename", NAMES),
    "register_view": (f"{SPACE}/register-view", {"name": "r", "metadata-location": "/x"}),
}
GARBAGE = st.sampled_from(
    [None, True, -1, 0, 7, 1 << 70, 1.5, "", "x", "-1", "a\x00b", "\ud800", [], [None], [[]], {}, {"": None}]
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """A catalog with a table of each name used here, and a view."""
    opened = EmbeddedCatalog(tmp_path_factory.mktemp("lake"), FULL)
    for path, body in (
        ("/v1/namespaces", {"namespace": ["silver"]}),
        (f"{SPACE}/tables", {"name": "visit", "schema": SCHEMA, "properties": {"format-version": "3"}}),
        (f"{SPACE}/tables", {"name": "x", "schema": SCHEMA}),
        (f"{SPACE}/views", {**VIEW, "name": "busy"}),
    ):
        assert post(opened, path, body).ok
    yield opened
    opened.close()


def post(catalog, path, body):
    text = json.dumps(body).encode("utf-8", "surrogatepass")
    return catalog.handle(Request("POST", path, body=text))


def places(value, path=()):
    """Every place inside a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def put(value, path, new):
    """The value with something else at a place; None at the end of a path takes the key away."""
    if not path:
        return new
    changed = copy.deepcopy(value)
    at = changed
    for key in path[:-1]:
        at = at[key]
    if new == "absent":
        del at[path[-1]]
    else:
        at[path[-1]] = new
    return changed


@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), name=st.sampled_from(sorted(REQUESTS)))
def test_no_body_makes_the_catalog_fail(catalog, data, name):
    """A request that is valid but for one or two places is carried out or refused, never met with 500."""
    path, body = REQUESTS[name]
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from(list(places(body))))
        body = put(body, place, data.draw(st.one_of(GARBAGE, st.just("absent"))) if place else {})
    reply = post(catalog, path, body)
    assert reply.status < 500, reply.body


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_no_single_wrong_value_makes_the_catalog_fail(catalog, name):
    """Each place of a valid request in turn is taken away or holds a value of another type."""
    path, body = REQUESTS[name]
    for place in places(body):
        for wrong in ("absent", None, 7, "x", [], {}, [7], {"x": 7}):
            if place:
                reply = post(catalog, path, put(body, place, wrong))
                assert reply.status < 500, (place, wrong, reply.body)
    for table in ("visit", "x"):
        assert catalog.handle(Request("GET", f"{SPACE}/tables/{table}")).status in {200, 404}


WRONG = ("absent", None, True, -5, 7, 1.5, "x", [], {}, [7], ["x"], [None], [[]], [{}], {"x": 7})
BEFORE = [each for each in UPDATES if each["action"] in {"add-snapshot", "add-schema", "add-sort-order"}]
VIEW_REQUIREMENT = {"type": "assert-view-uuid", "uuid": "00000000-0000-0000-0000-000000000001"}


def tries(valid):
    """A valid part of a commit with each place in turn taken away or holding something else."""
    for place in places(valid):
        for wrong in WRONG:
            if place:
                yield put(valid, place, wrong)


def attempt(act, *arguments, reads=None):
    """What is refused is the client's fault; what is done can be read by PyIceberg."""
    try:
        done = act(*arguments)
    except (BadRequestError, CommitFailedError):
        return
    if reads is not None:
        reads(done)


@pytest.mark.parametrize("update", UPDATES, ids=lambda update: update["action"])
@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_no_update_makes_the_catalog_fail(update, version):
    """An update with any part of it wrong is refused, or leaves metadata that PyIceberg reads."""
    base = new_metadata({"schema": SCHEMA, "properties": {"format-version": version}}, "/lake/t")
    # PyIceberg knows two types of statistics and refuses others, which the specification allows.
    reads = None if update["action"] == "set-statistics" else TableMetadataUtil.parse_obj
    for broken in tries(update):
        attempt(apply_updates, base, [broken], reads=reads)
        attempt(apply_updates, base, [*BEFORE, broken], reads=reads)


@pytest.mark.parametrize("update", VIEW_UPDATES, ids=lambda update: update["action"])
def test_no_update_of_a_view_makes_the_catalog_fail(update):
    """An update of a view with any part of it wrong is refused, or leaves metadata that PyIceberg reads."""
    base = new_view(VIEW, "/lake/v")
    for broken in tries(update):
        attempt(apply_view_updates, base, [broken], reads=ViewMetadata.model_validate)
        attempt(apply_view_updates, base, [*VIEW_UPDATES[:2], broken], reads=ViewMetadata.model_validate)


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement["type"])
def test_no_requirement_makes_the_catalog_fail(requirement):
    """A requirement with any part of it wrong holds, fails or is refused."""
    table = new_metadata({"schema": SCHEMA}, "/lake/t")
    for broken in tries(requirement):
        attempt(check_requirements, table, [broken])
    for broken in tries(VIEW_REQUIREMENT):
        attempt(check_view_requirements, new_view(VIEW, "/lake/v"), [broken])
