"""A catalog that is lost is made anew from the metadata files alone."""

import json
import shutil
import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from a360.catalog import CatalogSession, rebuild_catalog
from a360.errors import ConflictError, OperatorError, UsageError

ROWS = pa.table({"id": pa.array([1], pa.int64()), "note": ["x"]})


def fill(lake, profile="full"):
    """A lake of four tables in nested namespaces; what each holds."""
    with CatalogSession.open(lake, profile=profile) as session:
        client = session.client()
        for namespace in ("silver", ("silver", "deep"), "gold"):
            client.create_namespace(namespace)
        for number, name in enumerate(("silver.visit", "silver.a b", "gold.patient", "silver.deep.one")):
            *above, last = name.split(".")
            location = f"{session.endpoint.warehouse}/{'.'.join(above)}/{last}"
            table = client.create_table(name, ROWS.schema, location=location)
            for _ in range(number):
                table.append(ROWS)
        return contents(session)


def contents(session):
    """Rows of each table."""
    client, found = session.client(), {}
    namespaces = [each for top in client.list_namespaces() for each in (top, *client.list_namespaces(top))]
    for namespace in namespaces:
        for name in client.list_tables(namespace):
            found[".".join(name)] = client.load_table(name).scan().to_arrow().num_rows
    return found


def lose(lake):
    for each in lake.glob("catalog.db*"):
        each.unlink()


def damage(lake):
    (lake / "catalog.db").write_bytes(b"damaged" * 1000)


@pytest.mark.parametrize("loss", [lose, damage])
@pytest.mark.parametrize("profile", ["full", "glue"])
def test_after_a_rebuild_every_table_reads_and_commits(tmp_path, profile, loss):
    """Tables have their names, rows and history again, and take the next commit."""
    before = fill(tmp_path, profile)
    loss(tmp_path)
    with pytest.raises(OperatorError, match="cannot be read") as refused:
        CatalogSession.open(tmp_path)
    assert "rebuild" in refused.value.next_step
    report = rebuild_catalog(tmp_path)
    assert {str(each.identifier) for each in report.found.objects} == set(before)
    assert not [each for each in report.found.objects if each.doubts]
    assert (report.found.left_out, report.found.unreadable) == ([], [])
    assert set(report.namespaces) == {"silver", "silver.deep", "gold"}
    with CatalogSession.open(tmp_path, profile=profile) as session:
        assert contents(session) == before
        for name in before:
            session.client().load_table(name).append(ROWS)
        assert contents(session) == {name: rows + 1 for name, rows in before.items()}
    integrity = sqlite3.connect(tmp_path / "catalog.db")
    assert integrity.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    integrity.close()


def test_views_come_back_too(tmp_path):
    """Views are found by their metadata as tables are."""
    body = {
        "name": "adults",
        "schema": {
            "type": "struct",
            "schema-id": 0,
            "fields": [{"id": 1, "name": "a", "required": False, "type": "long"}],
        },
        "view-version": {
            "version-id": 1,
            "timestamp-ms": 1_800_000_000_000,
            "schema-id": 0,
            "summary": {"engine-name": "test"},
            "default-namespace": ["silver"],
            "representations": [{"type": "sql", "sql": "SELECT 1 AS a", "dialect": "duckdb"}],
        },
        "properties": {},
    }
    path = "/v1/namespaces/silver/views"
    with CatalogSession.open(tmp_path) as session:
        session.client().create_namespace("silver")
        made = call(session, "POST", path, body)
        assert made.status_code == 200, made.text
    lose(tmp_path)
    (found,) = rebuild_catalog(tmp_path).found.objects
    assert (str(found.identifier), found.identifier.kind) == ("silver.adults", "view")
    with CatalogSession.open(tmp_path) as session:
        again = call(session, "GET", f"{path}/adults").json()
    assert again["metadata"] == made.json()["metadata"]


def call(session, method, path, body=None):
    http = session.client()._session
    return http.request(method, f"{session.endpoint.uri}{path}", json=body)


def test_a_good_catalog_is_left_alone(tmp_path):
    """A whole catalog is replaced on demand only, and kept beside the new one."""
    before = fill(tmp_path)
    content = (tmp_path / "catalog.db").read_bytes()
    with pytest.raises(UsageError, match="whole"):
        rebuild_catalog(tmp_path)
    assert (tmp_path / "catalog.db").read_bytes() == content
    report = rebuild_catalog(tmp_path, force=True)
    assert report.earlier.read_bytes()[:16] == b"SQLite format 3\0"
    with CatalogSession.open(tmp_path) as session:
        assert contents(session) == before


def test_a_catalog_that_points_into_nothing_is_not_good(tmp_path):
    """Where a pointer's file is gone, the newest that is left is taken, without being told to."""
    before = fill(tmp_path)
    with CatalogSession.open(tmp_path) as session:
        table = session.client().load_table("silver.deep.one")
        Path(table.metadata_location).unlink()
    rebuild_catalog(tmp_path)
    with CatalogSession.open(tmp_path) as session:
        assert contents(session) == before | {"silver.deep.one": before["silver.deep.one"] - 1}


def test_names_come_from_the_earlier_catalog_where_it_can_be_read(tmp_path):
    """A renamed table keeps its new name, and a namespace its properties."""
    fill(tmp_path)
    with CatalogSession.open(tmp_path) as session:
        session.client().rename_table("silver.visit", "gold.seen")
        session.client().create_namespace("empty", {"owner": "clinic"})
    report = rebuild_catalog(tmp_path, force=True)
    assert "gold.seen" in {str(each.identifier) for each in report.found.objects}
    with CatalogSession.open(tmp_path) as session:
        assert session.client().load_namespace_properties("empty") == {"owner": "clinic"}


def test_nobody_else_may_have_the_catalog_open(tmp_path):
    """A rebuild under a running server is refused: the server would go on with the earlier file."""
    fill(tmp_path)
    with CatalogSession.open(tmp_path) as session:
        session.client().list_namespaces()
        with pytest.raises(ConflictError, match="open"):
            rebuild_catalog(tmp_path, force=True)
    rebuild_catalog(tmp_path, force=True)


def test_a_dropped_tables_name_goes_to_the_newer_table(tmp_path):
    """Of two tables of one name the newer is taken; where the other lies is told."""
    with CatalogSession.open(tmp_path) as session:
        client = session.client()
        client.create_namespace("silver")
        first = client.create_table("silver.visit", ROWS.schema)
        first.append(ROWS)
        client.drop_table("silver.visit")
        client.create_table("silver.visit", ROWS.schema)
    lose(tmp_path)
    report = rebuild_catalog(tmp_path)
    (taken,) = report.found.objects
    assert "named visit after its folder" in " ".join(taken.doubts)
    assert [path for path, _ in report.found.left_out] == [first.metadata_location]
    with CatalogSession.open(tmp_path) as session:
        assert contents(session) == {"silver.visit": 0}


def metadata_of(lake):
    folder = lake / "warehouse" / "gold" / "patient" / "metadata"
    return sorted(folder.glob("*.metadata.json"))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"format-version": 99}', b"\xff\xfe"])
def test_metadata_that_cannot_be_read_is_passed_over(tmp_path, content):
    """A broken newest file costs the version it held, and is named in the report."""
    before = fill(tmp_path)
    newest = metadata_of(tmp_path)[-1]
    newest.write_bytes(content)
    lose(tmp_path)
    report = rebuild_catalog(tmp_path)
    assert report.found.unreadable == [str(newest)]
    with CatalogSession.open(tmp_path) as session:
        assert contents(session) == before | {"gold.patient": before["gold.patient"] - 1}


def test_two_files_of_one_version_are_told(tmp_path):
    """A commit that died before its swap leaves a rival of the next: the later is taken, both are told."""
    before = fill(tmp_path)
    newest = metadata_of(tmp_path)[-1]
    rival = newest.with_name(newest.name[:6] + "00000000-0000-0000-0000-000000000000.metadata.json")
    document = json.loads(newest.read_bytes())
    rival.write_text(json.dumps(document | {"last-updated-ms": document["last-updated-ms"] - 1}))
    lose(tmp_path)
    report = rebuild_catalog(tmp_path)
    (found,) = [each for each in report.found.objects if str(each.identifier) == "gold.patient"]
    assert found.newest.path == str(newest)
    assert rival.name in found.doubts[0]
    with CatalogSession.open(tmp_path) as session:
        assert contents(session) == before


def test_a_snapshot_without_its_manifest_list_is_passed_over(tmp_path):
    """Metadata whose current snapshot leads nowhere gives way to the newest that can be read."""
    before = fill(tmp_path)
    with CatalogSession.open(tmp_path) as session:
        Path(session.client().load_table("gold.patient").current_snapshot().manifest_list).unlink()
    lose(tmp_path)
    (found,) = [
        each for each in rebuild_catalog(tmp_path).found.objects if str(each.identifier) == "gold.patient"
    ]
    assert "missing files" in found.doubts[0]
    with CatalogSession.open(tmp_path) as session:
        assert contents(session) == before | {"gold.patient": before["gold.patient"] - 1}


def test_links_and_files_elsewhere_are_not_followed(tmp_path):
    """Metadata that lies or points outside the warehouse is no table of this lake."""
    fill(tmp_path)
    outside = tmp_path / "outside" / "metadata"
    outside.mkdir(parents=True)
    shutil.copy(metadata_of(tmp_path)[-1], outside)
    (tmp_path / "warehouse" / "linked").symlink_to(tmp_path / "outside")
    document = json.loads(metadata_of(tmp_path)[-1].read_bytes())
    away = tmp_path / "warehouse" / "away" / "metadata" / "00000-x.metadata.json"
    away.parent.mkdir(parents=True)
    away.write_text(json.dumps(document | {"location": "/etc", "table-uuid": "x"}))
    lose(tmp_path)
    report = rebuild_catalog(tmp_path)
    assert len(report.found.objects) == 4
    assert report.found.unreadable == [str(away)]


def test_a_catalog_of_a_newer_version_is_not_rebuilt(tmp_path):
    """What a later version has written is left to it."""
    fill(tmp_path)
    connection = sqlite3.connect(tmp_path / "catalog.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(OperatorError, match="newer"):
        rebuild_catalog(tmp_path, force=True)


def test_a_past_that_was_registered_deletes_no_other_tables_metadata(tmp_path):
    """Old metadata is deleted by policy, but never a file that is another table's current one."""
    with CatalogSession.open(tmp_path) as session:
        client = session.client()
        client.create_namespace("silver")
        victim = client.create_table("silver.victim", ROWS.schema)
        made = client.create_table("silver.other", ROWS.schema)
        client.drop_table("silver.other")
        path = Path(made.metadata_location)
        path = path.rename(path.with_name("00000-by-hand.metadata.json"))
        document = json.loads(path.read_bytes())
        entries = [{"metadata-file": victim.metadata_location, "timestamp-ms": 1}]
        document["metadata-log"] = entries
        document["properties"]["write.metadata.previous-versions-max"] = "1"
        path.write_text(json.dumps(document))
    with CatalogSession.open(tmp_path) as session:
        table = session.client().register_table("silver.other", str(path))
        for _ in range(3):
            table.append(ROWS)
        kept = sorted(Path(table.location(), "metadata").glob("*.metadata.json"))
        assert len(kept) == 2
        assert Path(victim.metadata_location).exists()
        session.client().load_table("silver.victim").append(ROWS)
