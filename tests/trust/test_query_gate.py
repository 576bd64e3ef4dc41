"""What may be asked of a lake: one SELECT over its tables, and nothing that reads or does anything else."""

import pytest
from fhir_samples import encounter, patient
from lakes import rows_of

from a360.errors import A360Error, DeniedError, UsageError


@pytest.fixture(scope="module")
def lake(module_lake, put):
    """A lake with one patient and a visit."""
    put(module_lake, patient("p1", name=[{"family": "Quillfeather"}]), encounter("e1"))
    module_lake.run()
    return module_lake


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT count(*) AS n FROM silver.patient", 1),
        ("FROM silver.patient SELECT count(*) AS n", 1),
        ("SELECT count(*) AS n FROM silver.patient AS p JOIN silver.encounter AS e USING (patient_key)", 1),
        ("WITH mine AS (SELECT * FROM silver.patient) SELECT count(*) AS n FROM mine", 1),
        ("WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT count(*) AS n FROM b", 1),
        (
            (
                "WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 4) "
                "SELECT max(n) AS n FROM up"
            ),
            4,
        ),
        ("SELECT count(*) AS n FROM (VALUES (1), (2)) AS v(x)", 2),
        ("SELECT count(*) AS n FROM (SELECT unnest([1, 2, 3]))", 3),
        ("SELECT 1 AS n UNION SELECT 1 AS n", 1),
        ("(SELECT 5 AS n)", 5),
        ("SELECT count(*) AS n FROM SILVER.PATIENT", 1),
        ("SELECT encounters AS n FROM gold.patient_counts", 1),
    ],
)
def test_one_select_over_the_lakes_tables_is_answered(lake, sql, wanted):
    """Joins, CTEs, unions, subqueries, values and lists are all part of a query."""
    assert rows_of(lake, sql) == [{"n": wanted}]


DENIED = [
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM 'keys/*'",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('silver.patient')",
    "SELECT getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM memory.main.x",
    "SELECT * FROM temp.main.viewed",
    "SELECT * FROM viewed",
    "SELECT * FROM viewed WHERE 1 IN (WITH viewed AS (SELECT 1) SELECT * FROM viewed)",
    "SELECT * FROM iceberg_scan('warehouse/silver/patient')",
    "COPY (SELECT 1) TO '/tmp/x.csv'",
    "COPY silver.patient TO '/tmp/x.csv'",
    "CREATE TABLE x AS SELECT 1",
    "CREATE TEMP VIEW v AS SELECT 1",
    "CREATE MACRO f(x) AS x",
    "INSERT INTO silver.patient SELECT * FROM silver.patient",
    "DELETE FROM silver.patient",
    "UPDATE silver.patient SET gender = 'x'",
    "DROP TABLE silver.patient",
    "ATTACH '/tmp/x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '1GB'",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "EXPORT DATABASE '/tmp/x'",
    "SUMMARIZE silver.patient",
    "DESCRIBE silver.patient",
]


@pytest.mark.parametrize("sql", DENIED)
def test_what_does_more_than_read_the_lake_is_refused(lake, sql):
    """Files, settings, the environment, other catalogs, what a run worked in, statements that act."""
    with pytest.raises(A360Error) as failure:
        lake.query(sql)
    assert isinstance(failure.value, DeniedError | UsageError)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELEKT 1",
        "SELECT 1; SELECT 2",
        "SELECT (",
        "SELECT * FROM silver.patient; DROP TABLE silver.patient",
    ],
)
def test_what_is_no_single_query_is_a_usage_error(lake, sql):
    """Nothing, a mistake, or several statements: the failure says what to write instead."""
    with pytest.raises(UsageError) as failure:
        lake.query(sql)
    assert failure.value.next_step


def test_a_run_leaves_nothing_to_ask_for(lake):
    """What the steps of a run worked in, names in clear among it, is gone from the session that answers."""
    left = lake.tables.session.sql(
        "SELECT table_name FROM duckdb_tables() WHERE temporary UNION ALL "
        "SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal"
    )
    assert left.num_rows == 0
