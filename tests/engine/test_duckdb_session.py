"""The DuckDB session: how names resolve, what stays out of sight, what it leaves behind."""

from pathlib import Path

import duckdb_extension_avro
import pyarrow as pa
import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType, TimestamptzType

from a360.catalog import COMMIT_ID, CatalogSession, CommitStamp
from a360.engine import Exchange
from a360.engine.duckdb import DuckDBEngine
from a360.errors import A360Error

PATIENT = Schema(NestedField(1, "id", LongType(), required=True), NestedField(2, "name", StringType()))


def fill(table, ids):
    columns = {"id": pa.array(ids, pa.int64()), "name": pa.array([f"n{each}" for each in ids])}
    fields = [pa.field("id", pa.int64(), nullable=False), pa.field("name", pa.string())]
    table.append(pa.table(columns, schema=pa.schema(fields)))


def test_tables_resolve_by_namespace_and_temporary_tables_by_name(session, new_table):
    """In one session `silver.patient` is the lake's table, and a temporary table stands beside it."""
    fill(new_table("silver.patient", PATIENT), [1, 2, 3])
    session.execute("CREATE TEMP TABLE chosen AS SELECT 2 AS id")
    session.register("wanted", pa.table({"id": [3]}))
    found = session.sql(
        "SELECT id FROM silver.patient JOIN (FROM chosen UNION FROM wanted) USING (id) ORDER BY id"
    )
    assert found.column("id").to_pylist() == [2, 3]


def test_a_session_opened_on_an_empty_lake_sees_namespaces_made_later(profile, tmp_path):
    """Opening before the first namespace exists does not blind the session to it."""
    with (
        CatalogSession.open(tmp_path, profile=profile) as catalog,
        DuckDBEngine(tmp_path / "tmp").session(catalog) as session,
    ):
        assert session.sql("SELECT 1 AS one").num_rows == 1
        catalog.client().create_namespace("gold")
        location = f"{catalog.endpoint.warehouse}/gold/visit_facts"
        fill(catalog.client().create_table("gold.visit_facts", PATIENT, location=location), [7])
        assert session.sql("SELECT id FROM gold.visit_facts").column("id").to_pylist() == [7]


def test_commits_of_others_are_seen_by_the_next_statement(session, new_table):
    """A statement sees what was committed before it, by whomever."""
    table = new_table("silver.patient", PATIENT)
    for count in range(1, 4):
        fill(table, [count])
        session.refresh()
        assert session.sql("SELECT count(*) AS n FROM silver.patient").column("n")[0].as_py() == count


def test_a_stream_gives_the_rows_in_batches(session):
    """A stream bounds the rows of each batch."""
    batches = list(session.stream("SELECT range AS i FROM range(10_000)", batch_rows=2_500))
    assert sum(batch.num_rows for batch in batches) == 10_000
    assert max(batch.num_rows for batch in batches) <= 2_500


def test_times_are_in_utc(session):
    """Instants come out in UTC, whatever the machine's zone."""
    found = session.sql("SELECT CAST('2026-05-01T10:00:00+02:00' AS TIMESTAMPTZ) AS at")
    assert found.schema.field("at").type == pa.timestamp("us", "UTC")
    assert found.column("at")[0].as_py().hour == 8


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("temp_file_encryption", "true"),
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
        ("allow_community_extensions", "false"),
        ("allow_persistent_secrets", "false"),
        ("allow_unsigned_extensions", "false"),
        ("memory_limit", "488.2 MiB"),
        ("threads", "2"),
        ("TimeZone", "UTC"),
    ],
)
def test_a_session_is_closed_to_the_network_and_writes_nothing_in_clear(session, setting, value):
    """No extension comes from the network, no secret is kept, spill files are encrypted, limits hold."""
    assert session.sql(f"SELECT current_setting('{setting}')::VARCHAR AS v").column("v")[0].as_py() == value


def test_no_further_extension_is_taken_unsigned(session, tmp_path):
    """Once the lake's extensions are loaded, one whose signature is not its own is refused, for good."""
    [genuine] = Path(duckdb_extension_avro.__file__).parent.rglob("avro.duckdb_extension")
    content = bytearray(genuine.read_bytes())
    content[len(content) // 2] ^= 1
    forged = tmp_path / "fts.duckdb_extension"
    forged.write_bytes(content)
    for sql in (f"LOAD '{forged}'", "SET allow_unsigned_extensions = true"):
        with pytest.raises(A360Error):
            session.execute(sql)


def test_the_catalogs_token_is_nowhere_to_be_seen(session, catalog, new_table):
    """Neither DuckDB's own tables of secrets and databases nor an error shows the bearer token."""
    new_table("silver.patient", PATIENT)
    shown = "".join(
        str(session.sql(f"SELECT * FROM {place}").to_pylist())
        for place in ("duckdb_secrets()", "duckdb_databases()", "duckdb_settings()")
    )
    assert catalog.endpoint.token not in shown
    with pytest.raises(A360Error) as error:
        session.sql("SELECT * FROM silver.nobody")
    assert catalog.endpoint.token not in str(error.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CAST(name AS INTEGER) FROM (VALUES ('Zaphod Canary')) AS t(name)",
        "SELECT CAST(name AS DATE) FROM (VALUES ('Zaphod Canary')) AS t(name)",
        "SELECT error(name) FROM (VALUES ('Zaphod Canary')) AS t(name)",
    ],
)
def test_errors_do_not_quote_the_values_of_a_row(session, sql):
    """A failing conversion names its kind, never the value: it may be a patient's."""
    session.execute("CREATE OR REPLACE TEMP TABLE people AS SELECT 'Zaphod Canary' AS name")
    with pytest.raises(A360Error) as error:
        session.sql(sql.replace("(VALUES ('Zaphod Canary')) AS t(name)", "people"))
    assert "Zaphod" not in str(error.value)
    assert error.value.__cause__ is None


def test_what_is_spilled_is_encrypted_and_removed(catalog, tmp_path):
    """A query larger than memory spills into the lake's own folder, unreadable, and leaves nothing."""
    spill = tmp_path / "spill"
    with DuckDBEngine(spill, memory_limit="100MB", threads=1).session(catalog) as session:
        session.execute(
            "CREATE TEMP TABLE big AS "
            "SELECT range AS i, 'CANARY-' || md5(range::VARCHAR) AS t FROM range(4_000_000)"
        )
        files = [path for path in spill.rglob("*") if path.is_file() and path.stat().st_size > 0]
        assert sum(path.stat().st_size for path in files) > 10_000_000
        assert not any(b"CANARY-" in path.read_bytes() for path in files)
    assert [path for path in spill.rglob("*") if path.is_file()] == []


def test_the_spill_of_a_dead_process_is_swept_up(catalog, tmp_path):
    """A spill folder that no living session holds is removed when the next session opens."""
    engine, dead = DuckDBEngine(tmp_path), tmp_path / "duckdb-dead"
    dead.mkdir(parents=True)
    (dead / "in-use").touch()
    (dead / "duckdb_temp_storage.tmp").write_bytes(b"x")
    with engine.session(catalog), engine.session(catalog):
        assert not dead.exists()
        assert len(list(tmp_path.iterdir())) == 2


def test_an_exchange_is_one_commit_under_the_stamp_of_its_endpoint(session, catalog, new_table):
    """What goes and what comes are one commit; every snapshot of it carries the commit id."""
    table = new_table("silver.patient", PATIENT)
    fill(table, [1, 2])
    base = table.current_snapshot().snapshot_id
    session.execute("CREATE TEMP TABLE news AS SELECT 2 AS id, 'changed' AS name")
    with catalog.stamped(CommitStamp("ab" * 16), base={"silver.patient": base}) as endpoint:
        session.exchange(endpoint, Exchange("silver.patient", ["id", "name"], ["id"], "news", "news"))
    table.refresh()
    added = [each for each in table.metadata.snapshots if each.snapshot_id != base]
    assert len(added) == 2
    assert {each.summary.additional_properties[COMMIT_ID] for each in added} == {"ab" * 16}
    assert session.sql("SELECT name FROM silver.patient ORDER BY id").column("name").to_pylist() == [
        "n1",
        "changed",
    ]


def test_a_delete_whose_base_has_moved_commits_nothing(session, catalog, new_table):
    """The fence of the endpoint holds against a table that another writer changed."""
    table = new_table("silver.patient", PATIENT)
    fill(table, [1])
    base = table.current_snapshot().snapshot_id
    fill(table, [2])
    with (
        catalog.stamped(CommitStamp("cd" * 16), base={"silver.patient": base}) as endpoint,
        pytest.raises(A360Error),
    ):
        session.delete(endpoint, "silver.patient", "id = 1")
    assert session.sql("SELECT count(*) AS n FROM silver.patient").column("n")[0].as_py() == 2


def test_a_batch_of_large_values_can_be_streamed(session):
    """Values of a megabyte stream in small batches; Arrow addresses a batch's bytes in 32 bits."""
    stream = session.stream("SELECT repeat('x', 1_000_000) AS v FROM range(60)", batch_rows=16)
    assert sum(batch.num_rows for batch in stream) == 60


def test_a_stream_runs_no_further_ahead_than_its_reader(session):
    """A stream of large values is computed as it is read, so that memory holds a few of them."""
    made = []

    def produce():
        for at in range(64):
            made.append(at)
            yield pa.record_batch([["x" * 1_000_000] * 16], names=["v"])

    session.register("large", pa.RecordBatchReader.from_batches(pa.schema([("v", pa.string())]), produce()))
    stream = session.stream("SELECT * FROM large", batch_rows=16)
    stream.read_next_batch()
    assert len(made) < 32
    assert sum(batch.num_rows for batch in stream) == 63 * 16


def test_variables_of_the_program_are_no_tables(session):
    """A name that is not registered is unknown, even if some variable bears it."""
    hidden = pa.table({"secret": [1]})
    with pytest.raises(A360Error):
        session.sql("SELECT * FROM hidden")
    assert hidden.num_rows == 1


def test_instants_are_staged_from_any_resolution(session, new_table):
    """Arrow instants in seconds and nanoseconds become microseconds in UTC."""
    table = new_table("ops.run", Schema(NestedField(1, "at", TimestamptzType(), required=True)))
    for unit in ("s", "ms", "us", "ns"):
        session.register("moments", pa.table({"at": pa.array([0], pa.timestamp(unit, "UTC"))}))
        staged = session.stage("SELECT * FROM moments", table)
        assert [each.rows for each in staged] == [1]
