"""A model over rows of some keys gives, for these keys, what it gives over all rows."""

import duckdb
import pytest

from a360.refine._changed import ChangedKeys
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


class Session:
    """As much of an engine's session as keys want."""

    def __init__(self):
        self.lake = duckdb.connect()
        self.execute = self.lake.execute

    def sql(self, sql):
        """A query's result as Arrow."""
        return self.lake.sql(sql).to_arrow_table()


@pytest.fixture
def session():
    """A lake of visits of five patients, one of them unknown."""
    session = Session()
    for zone, share in (("silver", 3), ("gold", 2)):
        session.execute(f"CREATE SCHEMA {zone}")
        session.execute(
            f"CREATE TABLE {zone}.visit AS SELECT nullif('p' || (i % 5), 'p0') AS patient_key, "
            f"CASE WHEN i % {share} = 0 THEN 'a' ELSE 'b' END AS status, i AS n FROM range(40) AS r(i)"
        )
    return session


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("changed", [["p1"], ["p1", None], [None], []])
def test_for_the_keys_it_gives_what_all_rows_give(session, model, changed):
    """Whatever way a model names columns and tables, a null key included."""
    keys = ChangedKeys(session, ["patient_key"])
    keys.take(f"SELECT unnest({changed!r}::VARCHAR[]) AS patient_key".replace("None", "NULL"))

    def relation_of(dataset, columns):
        relation = dataset.replace(".", "_")
        session.execute(f"CREATE TABLE {relation} AS {keys.rows_of(dataset, columns)}")
        return relation

    small = narrowed(model, DATASETS, relation_of)
    whole = session.execute(
        f"FROM ({model}) WHERE patient_key IN (SELECT patient_key FROM changed) "
        "OR (patient_key IS NULL AND (SELECT bool_or(patient_key IS NULL) FROM changed))"
    ).fetchall()
    assert sorted(map(str, session.execute(small.sql).fetchall())) == sorted(map(str, whole))
    assert whole or "p1" not in changed


def test_keys_of_several_columns_split_a_relation_in_two(session):
    """Rows of the keys and the other rows are all there are, each once, with nulls in any part of a key."""
    keys = ChangedKeys(session, ["patient_key", "status"])
    values = "('p1', 'a'), ('p2', 'b'), (NULL, 'a'), (NULL, 'a'), ('p3', NULL)"
    keys.take(f"FROM (VALUES {values}) AS v(patient_key, status)")
    names = ["patient_key", "status", "n"]
    of_keys, others = (
        session.execute(query).fetchall()
        for query in (keys.rows_of("silver.visit", names), keys.other_rows("silver.visit", names))
    )
    assert {(key, status) for key, status, _ in of_keys} == {("p1", "a"), ("p2", "b"), (None, "a")}
    assert sorted(n for _, _, n in of_keys + others) == list(range(40))
