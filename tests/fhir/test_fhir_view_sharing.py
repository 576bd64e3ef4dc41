"""Several views over one resource type: one struct serves all, and each gives what it gives alone."""

import json

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_views import counted, worlds

from a360.errors import UsageError
from a360.fhir import ViewError, compile_view, compile_views


def view(*columns, resource="Patient", **select):
    """A view with columns a, b and so on."""
    named = [{"name": "abc"[n], "path": path} for n, path in enumerate(columns)]
    return {"resource": resource, "select": [{"column": named, **select}]}


def rows(session, compiled):
    """The rows of a compiled view, as objects."""
    names = [column.name for column in compiled.schema]
    return [dict(zip(names, row, strict=True)) for row in session.sql(compiled.sql).fetchall()]


def parsed(session, struct, resources):
    """Parse resources once, as the relation that compiled views read."""
    payloads = pa.table(
        {"payload": pa.array([json.dumps(each, default=str) for each in resources], pa.string())}
    )
    session.register("payloads", payloads)
    session.execute(
        "CREATE OR REPLACE TEMP TABLE resources AS "
        f"SELECT from_json(payload, '{struct.duckdb_json()}') AS resource FROM payloads"
    )


def test_one_struct_serves_all():
    """The struct holds what all views read; each view's own columns are as they were."""
    one, other = view("name.family.first()"), view("name.given.first()", "gender")
    found = compile_views([one, other], source="patients", carry=["file"])
    assert json.loads(found.struct.duckdb_json()) == {
        "name": [{"family": "VARCHAR", "given": ["VARCHAR"]}],
        "gender": "VARCHAR",
    }
    assert [each.struct for each in found.views] == [found.struct, found.struct]
    assert found.resource_type == "Patient"
    alone = compile_view(other, source="patients", carry=["file"])
    assert (found.views[1].sql, found.views[1].schema) == (alone.sql, alone.schema)


RECURSIVE = [
    view("linkId", "%rowIndex", resource="QuestionnaireResponse", repeat=["item"]),
    view("linkId", "item.count()", resource="QuestionnaireResponse", forEach="item"),
    view("item.linkId.first()", "item.item.linkId.first()", resource="QuestionnaireResponse"),
    view("item.exists()", "item.item.count()", resource="QuestionnaireResponse"),
]


@pytest.mark.parametrize("order", [RECURSIVE, RECURSIVE[::-1]])
def test_what_recurses_may_be_read_in_other_ways_beside(order):
    """Where one view repeats over an element, others may read the same element, in whatever order."""
    response = {
        "resourceType": "QuestionnaireResponse",
        "item": [{"linkId": "1", "item": [{"linkId": "1.1"}]}, {"linkId": "2"}],
    }
    found = compile_views(order)
    with duckdb.connect() as session:
        parsed(session, found.struct, [response])
        together = [rows(session, each) for each in found.views]
    wanted = [
        [{"a": "1", "b": 0}, {"a": "1.1", "b": 1}, {"a": "2", "b": 2}],
        [{"a": "1", "b": 1}, {"a": "2", "b": 0}],
        [{"a": "1", "b": "1.1"}],
        [{"a": True, "b": 1}],
    ]
    assert together == (wanted if order is RECURSIVE else wanted[::-1])


def test_all_faults_of_all_views_come_at_once():
    """The faults of several views come in one error, with pointers into the list of views."""
    with pytest.raises(ViewError) as caught:
        compile_views([view("nme"), view("gender"), view("gendr", "birthdate")])
    assert [fault.pointer for fault in caught.value.faults] == [
        "/0/select/0/column/0/path",
        "/2/select/0/column/0/path",
        "/2/select/0/column/1/path",
    ]
    assert "the list of 3 views has 3 faults" in str(caught.value)


@pytest.mark.parametrize("views", [[], [view("id"), view("id", resource="Observation")]])
def test_views_of_several_types_share_no_scan(views):
    """No views at all, or views of several resource types, are a usage error."""
    with pytest.raises(UsageError):
        compile_views(views)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(worlds(), min_size=2, max_size=2))
def test_views_give_together_what_they_give_alone(found):
    """Random views that share a scan give exactly the rows that the specification gives for each."""
    root = found[0].view["resource"]
    same = [world for world in found if world.view["resource"] == root]
    together = compile_views([world.view for world in same])
    with duckdb.connect() as session:
        session.execute("SET TimeZone = 'UTC'")
        for world, compiled in zip(same, together.views, strict=True):
            parsed(session, together.struct, world.resources)
            decimals = {column.name for column in compiled.schema if column.fhir_type == "decimal"}
            made = [
                {name: _number(value) if name in decimals else value for name, value in row.items()}
                for row in rows(session, compiled)
            ]
            assert counted(made) == counted(world.rows)


def _number(value):
    if isinstance(value, list):
        return [_number(each) for each in value]
    return None if value is None else float(value)
