"""PyIceberg as a client of the embedded catalog."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NamespaceNotEmptyError,
    NoSuchNamespaceError,
    NoSuchTableError,
    NoSuchViewError,
    TableAlreadyExistsError,
    ViewAlreadyExistsError,
)
from pyiceberg.expressions import EqualTo
from pyiceberg.schema import Schema
from pyiceberg.types import IntegerType, LongType, NestedField
from pyiceberg.view.metadata import SQLViewRepresentation, ViewVersion

ROWS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "at": pa.array([0, 1, 2], pa.timestamp("us", tz="UTC")),
        "tags": [["a"], [], ["b", "c"]],
    }
)


@pytest.fixture
def client(session):
    """PyIceberg on the session."""
    return session.client()


@pytest.fixture
def table(client, place):
    """A table with three rows."""
    made = client.create_table("silver.visit", ROWS.schema, location=place("visit"))
    made.append(ROWS)
    return made


def test_rows_are_appended_and_read(table):
    """What PyIceberg appends, PyIceberg reads."""
    assert table.scan().to_arrow().sort_by("id").equals(ROWS.cast(table.scan().to_arrow().schema))


def test_rows_are_overwritten_and_deleted(client, table):
    """Overwrite and delete by a filter leave what they should."""
    table.delete(EqualTo("id", 1))
    table.overwrite(ROWS.slice(0, 1), overwrite_filter=EqualTo("id", 2))
    ids = client.load_table("silver.visit").scan().to_arrow()["id"]
    assert sorted(ids.to_pylist()) == [1, 3]


def test_the_schema_partitioning_and_order_evolve(client, table):
    """Columns, partition fields and properties change through the catalog."""
    with table.update_schema() as schema:
        schema.add_column("rank", IntegerType())
        schema.rename_column("tags", "labels")
    with table.update_spec() as spec:
        spec.add_field("at", "identity", "at_kept")
    with table.transaction() as properties:
        properties.set_properties({"owner": "clinic"})
    loaded = client.load_table("silver.visit")
    assert [field.name for field in loaded.schema().fields] == ["id", "at", "labels", "rank"]
    assert [field.name for field in loaded.spec().fields] == ["at_kept"]
    assert loaded.properties["owner"] == "clinic"
    loaded.append(pa.table({"id": [4], "at": ROWS["at"].slice(0, 1), "rank": pa.array([1], pa.int32())}))
    assert pc.sum(loaded.scan().to_arrow()["rank"]).as_py() == 1


def test_snapshots_are_tagged_rolled_back_and_expired(client, table):
    """Snapshot management works through the catalog."""
    first = table.metadata.current_snapshot_id
    table.append(ROWS)
    table.manage_snapshots().create_tag(first, "audited").commit()
    table.manage_snapshots().rollback_to_snapshot(first).commit()
    loaded = client.load_table("silver.visit")
    assert loaded.scan().to_arrow().num_rows == 3
    assert loaded.refs()["audited"].snapshot_id == first
    later = next(each.snapshot_id for each in loaded.snapshots() if each.snapshot_id != first)
    loaded.maintenance.expire_snapshots().by_id(later).commit()
    assert [each.snapshot_id for each in client.load_table("silver.visit").snapshots()] == [first]


def test_a_table_is_created_with_its_first_rows(client, place, profile):
    """A create transaction stages the table and commits it with its rows, where the catalog offers it."""
    if profile == "glue":
        with pytest.raises(Exception, match="Staged creation"):
            client.create_table_transaction("silver.new", ROWS.schema, location=place("new"))
        return
    with client.create_table_transaction("silver.new", ROWS.schema) as creation:
        creation.append(ROWS)
    assert client.load_table("silver.new").scan().to_arrow().num_rows == 3


def test_a_stale_writer_conflicts_and_rebases(client, table):
    """Two writers from one state: the second is told of the conflict and PyIceberg tries again."""
    other = client.load_table("silver.visit")
    table.append(ROWS)
    other.append(ROWS)
    assert client.load_table("silver.visit").scan().to_arrow().num_rows == 9


def test_a_stale_writer_without_retries_fails(client, table):
    """Without retries, a conflict reaches the caller as what it is."""
    other = client.load_table("silver.visit")
    with other.transaction() as properties:
        properties.set_properties({"commit.retry.num-retries": "0"})
    table.refresh().append(ROWS)
    with pytest.raises(CommitFailedException, match="branch main has changed"):
        other.append(ROWS)


def test_namespaces_and_tables_come_and_go(client, table, place):
    """Listing, existence, dropping, and the errors PyIceberg makes of ours."""
    assert client.list_namespaces() == [("silver",)]
    assert client.list_tables("silver") == [("silver", "visit")]
    assert client.table_exists("silver.visit")
    assert not client.view_exists("silver.visit")
    with pytest.raises(NamespaceAlreadyExistsError):
        client.create_namespace("silver")
    with pytest.raises(NamespaceNotEmptyError):
        client.drop_namespace("silver")
    with pytest.raises(TableAlreadyExistsError):
        client.create_table("silver.visit", ROWS.schema, location=place("visit"))
    with pytest.raises(NoSuchNamespaceError):
        client.create_table("gold.visit", ROWS.schema, location=place("other"))
    client.drop_table("silver.visit")
    with pytest.raises(NoSuchTableError):
        client.load_table("silver.visit")
    client.drop_namespace("silver")
    assert not client.namespace_exists("silver")


def test_a_nested_namespace_holds_tables(client, session):
    """Namespaces of several levels work from end to end."""
    client.create_namespace(("silver", "raw"))
    location = f"{session.endpoint.warehouse}/silver/raw/t"
    client.create_table(("silver", "raw", "t"), ROWS.schema, location=location).append(ROWS)
    assert client.list_namespaces("silver") == [("silver", "raw")]
    assert client.load_table(("silver", "raw", "t")).scan().to_arrow().num_rows == 3


def test_tables_are_renamed_registered_and_purged(client, table, profile):
    """What the glue profile lacks, PyIceberg learns from the configuration or is refused."""
    if profile == "glue":
        with pytest.raises(NotImplementedError):
            client.rename_table("silver.visit", "silver.stay")
        with pytest.raises(Exception, match="Purging"):
            client.purge_table("silver.visit")
        return
    client.rename_table("silver.visit", "silver.stay")
    place = client.load_table("silver.stay").metadata_location
    client.drop_table("silver.stay")
    assert client.register_table("silver.again", place).scan().to_arrow().num_rows == 3
    client.purge_table("silver.again")
    assert client.list_tables("silver") == []


def test_views_come_and_go(client, table, profile, session):
    """Views are made, found, registered and dropped; the glue profile has none, and PyIceberg knows."""
    schema = Schema(NestedField(1, "visits", LongType(), required=False))
    version = ViewVersion(
        schema_id=0,
        representations=[
            SQLViewRepresentation(type="sql", sql="SELECT count(*) AS visits FROM visit", dialect=dialect)
            for dialect in ("duckdb", "spark")
        ],
        default_namespace=("silver",),
    )
    if profile == "glue":
        assert client.list_views("silver") == []
        with pytest.raises(Exception, match="Views are not supported"):
            client.create_view("silver.busy", schema, version)
        return
    made = client.create_view("silver.busy", schema, version)
    assert client.list_views("silver") == [("silver", "busy")]
    assert client.list_tables("silver") == [("silver", "visit")]
    assert client.view_exists("silver.busy")
    assert not client.view_exists("silver.visit")
    loaded = client.load_view("silver.busy")
    assert loaded.metadata == made.metadata
    assert [each.root.dialect for each in loaded.current_version().representations] == ["duckdb", "spark"]
    with pytest.raises(ViewAlreadyExistsError):
        client.create_view("silver.busy", schema, version)
    with pytest.raises(TableAlreadyExistsError):
        client.create_table("silver.busy", ROWS.schema)
    with pytest.raises(NamespaceNotEmptyError):
        client.drop_namespace("silver")
    client.drop_view("silver.busy")
    with pytest.raises(NoSuchViewError):
        client.load_view("silver.busy")


def test_lists_come_whole_in_pages(session, table, client):
    """A client that asks for small pages gets all tables all the same."""
    for number in range(5):
        location = f"{session.endpoint.warehouse}/silver/t{number}"
        client.create_table(f"silver.t{number}", ROWS.schema, location=location)
    at = session.endpoint
    with RestCatalog(
        "pages", uri=at.uri, token=at.token, warehouse=at.warehouse, **{"rest-page-size": "2"}
    ) as paged:
        assert len(paged.list_tables("silver")) == 6
        assert paged.list_namespaces() == [("silver",)]


def test_only_named_snapshots_are_loaded_where_asked(session, table):
    """A client that asks for snapshots with a name gets these, reads, and commits on top."""
    table.append(ROWS)
    at = session.endpoint
    with RestCatalog(
        "refs", uri=at.uri, token=at.token, warehouse=at.warehouse, **{"snapshot-loading-mode": "refs"}
    ) as lean:
        loaded = lean.load_table("silver.visit")
        assert len(loaded.metadata.snapshots) == 1
        loaded.append(ROWS)
        assert loaded.scan().to_arrow().num_rows == 9
    assert len(table.refresh().metadata.snapshots) == 3


def test_a_registration_replaces_a_table_where_told(client, table, profile):
    """Registering over a table takes it back to earlier metadata, with `overwrite` only."""
    if profile == "glue":
        with pytest.raises(NotImplementedError):
            client.register_table("silver.visit", table.metadata_location)
        return
    place = table.metadata_location
    table.append(ROWS)
    with pytest.raises(TableAlreadyExistsError):
        client.register_table("silver.visit", place)
    assert client.register_table("silver.visit", place, overwrite=True).scan().to_arrow().num_rows == 3


def test_both_clients_write_one_table(client, table, session, attach):
    """PyIceberg and DuckDB read each other's rows, deletes included."""
    lake = attach(session.endpoint)
    lake.execute("INSERT INTO lake.silver.visit VALUES (4, now(), ['z'])")
    lake.execute("DELETE FROM lake.silver.visit WHERE id = 1")
    table.refresh().append(ROWS.slice(0, 1))
    assert sorted(table.scan().to_arrow()["id"].to_pylist()) == [1, 2, 3, 4]
    assert lake.sql("SELECT count(*) FROM lake.silver.visit").fetchone() == (4,)
