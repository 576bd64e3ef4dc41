"""DuckDB as a client of the embedded catalog."""

import pytest


@pytest.fixture
def lake(session, attach):
    """DuckDB with the lake attached."""
    return attach(session.endpoint)


@pytest.fixture(params=[2, 3], ids=["v2", "v3"])
def made(request, lake, place):
    """A table of a format version that DuckDB has created."""
    lake.execute(
        f"CREATE TABLE lake.silver.visit (id INTEGER, note VARCHAR, seen_at TIMESTAMPTZ) "
        f"WITH ('format-version' = {request.param}, location = '{place('visit')}')"
    )
    lake.execute("INSERT INTO lake.silver.visit SELECT range, 'n' || range, now() FROM range(10)")
    return "lake.silver.visit"


def count(lake, table, where="true"):
    return lake.sql(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]


def test_rows_are_inserted_and_read(lake, made):
    """What DuckDB inserts, DuckDB reads."""
    assert count(lake, made) == 10


def test_rows_are_updated_deleted_and_merged(lake, made):
    """UPDATE, DELETE and MERGE work in v2 and v3."""
    lake.execute(f"UPDATE {made} SET note = 'changed' WHERE id < 2")
    lake.execute(f"DELETE FROM {made} WHERE id = 9")
    lake.execute(
        f"MERGE INTO {made} t USING (SELECT 8 AS id, 'merged' AS note UNION ALL SELECT 100, 'merged') s "
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET note = s.note "
        "WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.note, now())"
    )
    assert count(lake, made) == 10
    assert count(lake, made, "note = 'changed'") == 2
    assert count(lake, made, "note = 'merged'") == 2


def test_columns_are_added_renamed_and_dropped(lake, made):
    """ALTER TABLE changes the schema and keeps the rows."""
    lake.execute(f"ALTER TABLE {made} ADD COLUMN price DECIMAL(9, 2)")
    lake.execute(f"ALTER TABLE {made} RENAME COLUMN note TO words")
    lake.execute(f"ALTER TABLE {made} DROP COLUMN seen_at")
    lake.execute(f"INSERT INTO {made} VALUES (77, 'w', 1.25)")
    assert lake.sql(f"SELECT words, price FROM {made} WHERE id = 77").fetchall()[0][0] == "w"
    assert count(lake, made, "price IS NULL") == 10


def test_a_transaction_is_rolled_back(lake, made):
    """What was not committed is not there."""
    lake.execute(f"BEGIN; INSERT INTO {made} VALUES (1, 'x', now()); ROLLBACK")
    assert count(lake, made) == 10


def test_a_transaction_over_tables_commits(lake, made, place):
    """A DuckDB transaction may change several tables, whatever the catalog offers for it."""
    lake.execute(f"CREATE TABLE lake.silver.other (id INTEGER) WITH (location = '{place('other')}')")
    lake.execute(
        f"BEGIN; INSERT INTO {made} VALUES (1, 'x', now()); INSERT INTO lake.silver.other VALUES (1); COMMIT"
    )
    assert (count(lake, made), count(lake, "lake.silver.other")) == (11, 1)


def test_a_table_is_created_from_a_query(lake, place):
    """CREATE TABLE AS creates and fills a table, nested types included."""
    lake.execute(
        f"CREATE TABLE lake.silver.nested WITH (location = '{place('nested')}') AS "
        "SELECT range AS id, {'a': range, 'b': [range]} AS s, MAP {'k': range} AS m FROM range(5)"
    )
    row = lake.sql("SELECT s.a, s.b[1], m['k'] FROM lake.silver.nested WHERE id = 3").fetchone()
    assert row == (3, 3, 3)


def test_a_partitioned_table_is_created_and_filled(lake, place):
    """Partitioning by a transform works through the catalog."""
    lake.execute(
        "CREATE TABLE lake.silver.parted (id INTEGER, seen_at TIMESTAMPTZ) PARTITIONED BY (month(seen_at)) "
        f"WITH (location = '{place('parted')}')"
    )
    lake.execute(
        "INSERT INTO lake.silver.parted "
        "SELECT range, TIMESTAMPTZ '2026-01-15 00:00:00+00' + to_months(range::INT) FROM range(3)"
    )
    assert count(lake, "lake.silver.parted", "seen_at >= '2026-02-01'") == 2


def test_schemas_and_tables_come_and_go(lake, place):
    """CREATE SCHEMA, SHOW, DROP TABLE and DROP SCHEMA work."""
    lake.execute("CREATE SCHEMA lake.bronze")
    location = place("t").replace("/silver/", "/bronze/")
    lake.execute(f"CREATE TABLE lake.bronze.t (a INTEGER) WITH (location = '{location}')")
    shown = lake.sql(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'lake'"
    ).fetchall()
    assert ("bronze", "t") in shown
    lake.execute("DROP TABLE lake.bronze.t")
    lake.execute("DROP SCHEMA lake.bronze")
    schemas = lake.sql("SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'lake'").fetchall()
    assert ("bronze",) not in schemas


def test_a_rival_commit_is_a_conflict(session, lake, made):
    """DuckDB's commit fails cleanly when another writer was first, and takes nothing along."""
    lake.execute(f"BEGIN; INSERT INTO {made} VALUES (1, 'x', now())")
    table = session.client().load_table("silver.visit")
    if table.format_version == 2:
        table.append(table.scan().to_arrow())
    else:
        lake.cursor().execute(f"INSERT INTO {made} SELECT * FROM {made}")
    with pytest.raises(Exception, match="CommitFailedException"):
        lake.execute("COMMIT")
    assert count(lake, made) == 20


def test_defaults_and_row_ids_of_v3_are_kept(lake, session, place, profile):
    """In a v3 table DuckDB's column default fills rows from before it, and every row has an id of its own."""
    location = f", 'location' = '{place('third')}'" if profile == "glue" else ""
    lake.execute(f"CREATE TABLE lake.silver.third (id INTEGER) WITH ('format-version' = '3'{location})")
    lake.execute("INSERT INTO lake.silver.third VALUES (1), (2)")
    lake.execute("ALTER TABLE lake.silver.third ADD COLUMN note INTEGER DEFAULT 7")
    lake.execute("INSERT INTO lake.silver.third (id) VALUES (3)")
    assert lake.sql("SELECT * FROM lake.silver.third ORDER BY id").fetchall() == [(1, 7), (2, 7), (3, 7)]
    metadata = session.client().load_table("silver.third").metadata
    assert (metadata.format_version, metadata.next_row_id) == (3, 3)
    assert metadata.schema().find_field("note").initial_default == 7
