"""A model over rows of some keys gives, for these keys, what it gives over all rows."""

import duckdb
import pytest

from a360.refine._narrowed import narrowed

COLUMNS = ("patient_key", "status", "n")
DATASETS = {"silver.visit": COLUMNS, "gold.visit": COLUMNS}
MODELS = [
    "SELECT patient_key, sum(n) AS n FROM silver.visit WHERE status = 'a' GROUP BY patient_key",
    "SELECT v.patient_key, v.n FROM silver.visit AS v JOIN gold.visit AS g USING (patient_key, status)",
    "SELECT Patient_Key, count(*) AS n FROM silver.visit GROUP BY Patient_Key",
    "WITH all_rows AS (SELECT * FROM silver.visit) SELECT patient_key, n FROM all_rows",
    "SELECT silver.visit.patient_key, silver.visit.n FROM silver.visit",
]


@pytest.mark.parametrize("model", MODELS)
def test_for_the_keys_it_gives_what_all_rows_give(model):
    """Whatever way a model names columns and tables, a null key included."""
    lake = duckdb.connect()
    for zone, share in (("silver", 3), ("gold", 2)):
        lake.execute(f"CREATE SCHEMA {zone}")
        lake.execute(
            f"CREATE TABLE {zone}.visit AS SELECT nullif('p' || (i % 5), 'p0') AS patient_key, "
            f"CASE WHEN i % {share} = 0 THEN 'a' ELSE 'b' END AS status, i AS n FROM range(40) AS r(i)"
        )
    lake.execute("CREATE TABLE changed AS SELECT unnest(['p1', NULL]) AS patient_key")
    small = narrowed(model, DATASETS, "changed", "t.patient_key IS NOT DISTINCT FROM changed.patient_key")
    for relation, rows in small.rows.values():
        lake.execute(f"CREATE TABLE {relation} AS {rows}")
    whole = lake.execute(f"FROM ({model}) WHERE patient_key = 'p1' OR patient_key IS NULL").fetchall()
    assert sorted(map(str, lake.execute(small.sql).fetchall())) == sorted(map(str, whole))
    assert whole
