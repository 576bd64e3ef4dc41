"""A session's own requests about tables: the same answers as over HTTP, under the same stamps and fences."""

import httpx
import pyarrow as pa
import pytest

from a360.catalog import CatalogSession, CommitStamp, TableRefusedError, serve_catalog
from a360.catalog._wire import encode

ROWS = pa.table({"a": pa.array([1], pa.int64())})
NAME = "silver.visit"


@pytest.fixture
def visit(session, place):
    """A table with one row."""
    table = session.client().create_table(NAME, ROWS.schema, location=place("visit"))
    table.append(ROWS)
    return table


def snapshot(session, number):
    """A commit that adds a snapshot upon the table as it stands."""
    now = session.load_table(NAME)["metadata"]
    added = {
        "snapshot-id": number,
        "parent-snapshot-id": now["current-snapshot-id"],
        "sequence-number": now["last-sequence-number"] + 1,
        "timestamp-ms": now["last-updated-ms"],
        "manifest-list": f"{now['location']}/metadata/snap-{number}.avro",
        "summary": {"operation": "append"},
        "schema-id": 0,
    }
    ref = {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": number}
    return encode({"requirements": [], "updates": [{"action": "add-snapshot", "snapshot": added}, ref]})


def test_the_answer_is_the_one_that_clients_get(session, visit):
    """Past the socket a table is told of in the same words."""
    at = session.endpoint
    headers = {"authorization": f"Bearer {at.token}"}
    config = httpx.get(f"{at.uri}/v1/config", headers=headers, trust_env=False).json()
    prefix = config["overrides"].get("prefix")
    path = f"/v1/{prefix + '/' if prefix else ''}namespaces/silver/tables/visit"
    assert session.load_table(NAME) == httpx.get(f"{at.uri}{path}", headers=headers, trust_env=False).json()


def test_a_commit_is_stamped_and_fenced(session, visit):
    """A commit past the socket bears its lane's stamp, and a lane's fence turns it away."""
    at = visit.metadata.current_snapshot_id
    with session.stamped(CommitStamp("mine"), base={NAME: at}) as endpoint:
        session.commit_table(endpoint, NAME, snapshot(session, 77))
    made = session.load_table(NAME)["metadata"]["snapshots"][-1]
    assert (made["snapshot-id"], made["summary"]["a360.commit-id"]) == (77, "mine")
    with (
        session.stamped(CommitStamp("late"), base={NAME: at}) as endpoint,
        pytest.raises(TableRefusedError) as refused,
    ):
        session.commit_table(endpoint, NAME, snapshot(session, 78))
    assert refused.value.conflict
    assert session.load_table(NAME)["metadata"]["current-snapshot-id"] == 77


def test_a_closed_lane_takes_no_commit(session, visit):
    """A writer's path is of no use once it is closed."""
    with session.stamped(CommitStamp("mine")) as endpoint:
        pass
    with pytest.raises(TableRefusedError):
        session.commit_table(endpoint, NAME, snapshot(session, 77))


@pytest.mark.parametrize("name", ["silver.nothing", "nowhere.visit", "visit", "silver.a/b", "silver.ü ?#%2F"])
def test_a_table_that_is_not_there_is_told_from_a_catalog_that_is_not(session, name):
    """A missing table is no failure of the catalog, whatever its name."""
    with pytest.raises(TableRefusedError) as refused:
        session.load_table(name)
    assert refused.value.no_such_table


def test_names_of_any_letters_find_their_table(session, place):
    """Names are encoded on the way, so that none is taken for part of a path."""
    name = "ü ?#%2F"
    made = session.client().create_table(("silver", name), ROWS.schema, location=place("odd"))
    assert session.load_table(f"silver.{name}")["metadata"]["table-uuid"] == str(made.metadata.table_uuid)


def test_a_closed_session_answers_nothing(tmp_path):
    """After the end nothing is asked, lest the database be opened again and left open."""
    with CatalogSession.open(tmp_path) as session:
        pass
    with pytest.raises(TableRefusedError) as refused:
        session.load_table(NAME)
    assert not refused.value.no_such_table


def test_a_catalog_behind_an_address_is_asked_too(tmp_path, profile):
    """Where the catalog is elsewhere, its prefix is heeded and its tables are found."""
    with (
        serve_catalog(tmp_path, profile=profile) as behind,
        CatalogSession.open(
            "unused",
            upstream_uri=behind.uri,
            upstream_token=behind.token,
            upstream_warehouse=behind.warehouse,
        ) as session,
    ):
        session.client().create_namespace("silver")
        location = f"{behind.warehouse}/silver/visit"
        made = session.client().create_table(NAME, ROWS.schema, location=location)
        for _ in range(2):
            assert session.load_table(NAME)["metadata-location"] == made.metadata_location
        made.append(ROWS)
        assert session.load_table(NAME)["metadata-location"] == made.metadata_location
