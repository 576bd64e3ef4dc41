"""Writes of `a360.table` by every engine, in turn on one table: its rows are those of an oracle."""

import warnings

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

from a360.catalog import CommitStamp
from a360.engine.duckdb import DuckDBEngine
from a360.errors import DataError
from a360.table import Tables, new_commit_id

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

NAME = "silver.visit"
KEYED = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "v", StringType()),
    NestedField(3, "clinic", StringType()),
)
BY_BUCKET = PartitionSpec(PartitionField(1, 1000, BucketTransform(3), "bucket"))
BY_CLINIC = PartitionSpec(PartitionField(3, 1000, IdentityTransform(), "clinic"))


@pytest.fixture(scope="module")
def tables(catalog, tmp_path_factory):
    engine = DuckDBEngine(tmp_path_factory.mktemp("tmp"), memory_limit="512MB", threads=2)
    with Tables(catalog, engine) as opened:
        yield opened


def rows_of(at_least):
    """Rows by id."""
    row = st.tuples(st.sampled_from(["a", "b", None, "Łódź"]), st.sampled_from(["x", "y", None]))
    return st.dictionaries(st.integers(1, 9), row, min_size=at_least, max_size=5)


WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("merge"), rows_of(0)),
        st.tuples(st.just("scope"), rows_of(1)),
        st.tuples(st.just("replace"), rows_of(0)),
        st.tuples(st.just("delete"), st.sampled_from(["id < 4", "v = 'a'", "clinic IS NULL", "id > 99"])),
    ),
    min_size=4,
    max_size=5,
)


def as_table(rows):
    columns = {"id": list(rows), "v": [v for v, _ in rows.values()], "clinic": [c for _, c in rows.values()]}
    return pa.table(columns, schema=KEYED.as_arrow())


def after(held, kind, what):
    """What a table of these rows holds after a write."""
    if kind == "merge":
        return {**held, **what}
    if kind == "scope":
        gone = {clinic for _, clinic in what.values()}
        return {key: row for key, row in held.items() if row[1] not in gone and key not in what} | what
    if kind == "replace":
        return dict(what)
    tests = {
        "id < 4": lambda key, row: key < 4,
        "v = 'a'": lambda key, row: row[0] == "a",
        "clinic IS NULL": lambda key, row: row[1] is None,
        "id > 99": lambda key, row: False,
    }
    return {key: row for key, row in held.items() if not tests[what](key, row)}


def carry_out(tables, session, kind, what, held):
    stamp = CommitStamp(new_commit_id())
    if kind == "merge":
        tables.merge(NAME, as_table(what), ["id"], stamp, session=session)
    elif kind == "scope":
        # Of a key there is one row: those that come stand in no other scope.
        others = [key for key in what if key in held and held[key][1] not in {c for _, c in what.values()}]
        if others:
            tables.delete(
                NAME, f"id IN ({', '.join(map(str, others))})", CommitStamp(new_commit_id()), session=session
            )
        tables.merge(NAME, as_table(what), ["id"], stamp, scope=["clinic"], session=session)
    elif kind == "replace":
        tables.replace(NAME, as_table(what), stamp, session=session)
    else:
        tables.delete(NAME, what, stamp, session=session)


def write_by_pyiceberg(table, kind, what):
    """A write by a program that knows nothing of the refinery."""
    with warnings.catch_warnings():
        # It warns where it deletes nothing, and that it writes files anew instead of files of deletes.
        warnings.simplefilter("ignore", UserWarning)
        if kind == "merge" and what:
            table.upsert(as_table(what), join_cols=["id"])
        elif kind == "replace":
            table.overwrite(as_table(what))
        elif kind == "delete":
            table.delete(what)


def versions_sql(versions):
    """A query for the rows of each of some versions, by the version."""
    parts = [
        f"SELECT {each} AS version, id, v, clinic FROM {NAME} AT (VERSION => {each})" for each in versions
    ]
    return " UNION ALL ".join(parts)


def read_by_pyiceberg(table, version):
    return table.scan(snapshot_id=version, selected_fields=("id", "v", "clinic")).to_arrow().to_pylist()


def rows_by_version(found):
    """Rows in order by the version they are of."""
    by_version = {}
    for version, *row in (tuple(each.values()) for each in found):
        by_version.setdefault(version, []).append(tuple(row))
    return {version: sorted(rows, key=repr) for version, rows in by_version.items()}


@pytest.fixture(scope="module")
def sessions(duckdb_session, spark_session):
    return duckdb_session, spark_session


# How tables are written, in which format, and how they are partitioned.
KINDS = {
    "rewritten files": ("copy-on-write", 2, BY_BUCKET),
    "position deletes": ("merge-on-read", 2, BY_CLINIC),
    "deletion vectors": ("merge-on-read", 3, BY_BUCKET),
}


@pytest.mark.parametrize("like", KINDS)
@settings(
    max_examples=2,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
@given(writes=WRITES, data=st.data())
def test_engines_write_one_table_in_turn(tables, sessions, catalog, like, writes, data):
    """Whatever is written by whichever engine, all find the oracle's rows, then and in each version later."""
    mode, format_version, spec = KINDS[like]
    client, (duckdb_session, spark_session) = catalog.client(), sessions
    client.create_namespace_if_not_exists("silver")
    modes = {f"write.{each}.mode": mode for each in ("merge", "delete", "update")}
    properties = {"format-version": str(format_version), **modes}
    table = client.create_table(NAME, KEYED, partition_spec=spec, properties=properties)
    # PyIceberg writes neither format 3 nor, by itself, buckets.
    writers = [spark_session, spark_session, duckdb_session, *([table] if spec is BY_CLINIC else [])]
    held, wanted = {}, {}
    try:
        for kind, what in writes:
            writer = data.draw(st.sampled_from(writers[:3] if kind == "scope" else writers))
            if writer is table:
                write_by_pyiceberg(table.refresh(), kind, what)
            else:
                carry_out(tables, writer, kind, what, held)
            held = after(held, kind, what)
            table.refresh()
            if table.current_snapshot() is not None:
                rows = sorted(((key, *row) for key, row in held.items()), key=repr)
                wanted[table.current_snapshot().snapshot_id] = rows
            for reader in sessions:
                found = reader.sql(f"SELECT id, v, clinic FROM {NAME}").to_pylist()
                assert {tuple(row.values()) for row in found} == {(key, *row) for key, row in held.items()}
                assert len(found) == len(held), (reader.dialect, kind, what)
        full = {version: rows for version, rows in wanted.items() if rows}
        for reader in sessions if full else ():
            assert rows_by_version(reader.sql(versions_sql(full)).to_pylist()) == full, reader.dialect
        for version, rows in wanted.items():
            found = read_by_pyiceberg(table, version)
            assert sorted((tuple(row.values()) for row in found), key=repr) == rows
    finally:
        client.drop_table(NAME)


@pytest.mark.parametrize("format_version", [2, 3])
def test_a_first_merge_is_audited_before_it_is_seen(tables, spark_session, new_table, format_version):
    """Also of a table without a snapshot to branch off: refused it stays empty, passed it has the rows."""
    table = new_table(NAME, KEYED, properties={"format-version": str(format_version)})
    rows, seen = as_table({1: ("v", "x"), 2: ("w", "y")}), []

    def audit(relation):
        seen.append(spark_session.sql(f"SELECT count(*) AS n FROM {relation} AS t")["n"][0].as_py())
        table.refresh()
        assert table.current_snapshot() is None
        if len(seen) == 1:
            raise DataError("rule-blocked", "No")

    def merge():
        tables.merge(NAME, rows, ["id"], CommitStamp(new_commit_id()), session=spark_session, audit=audit)

    with pytest.raises(DataError):
        merge()
    table.refresh()
    assert (table.current_snapshot(), set(table.refs())) == (None, set())
    merge()
    table.refresh()
    assert (seen, set(table.refs())) == ([2, 2], {"main"})
    assert sorted(tables.read(NAME)["id"].to_pylist()) == [1, 2]


def test_a_change_is_audited_on_a_branch_that_spark_writes(tables, spark_session, new_table):
    """An exchange by Spark is looked at on a branch; refused, the table and its refs are as before."""
    table = new_table(
        NAME,
        KEYED,
        {"id": range(1, 9), "v": ["v"] * 8, "clinic": ["x"] * 8},
        properties={"write.merge.mode": "merge-on-read"},
    )
    seen = []

    def audit(relation):
        seen.append(
            spark_session.sql(f"SELECT count(*) AS n, max(v) AS v FROM {relation} AS t").to_pylist()[0]
        )
        if seen[-1]["v"] == "zebu":
            raise DataError("rule-blocked", "No")

    change = pa.table({"id": [2, 30], "v": ["w", "w"], "clinic": ["x", "y"]})
    tables.merge(NAME, change, ["id"], CommitStamp(new_commit_id()), session=spark_session, audit=audit)
    refused = change.set_column(1, "v", [["zebu", "zebu"]])
    with pytest.raises(DataError):
        tables.merge(NAME, refused, ["id"], CommitStamp(new_commit_id()), session=spark_session, audit=audit)
    assert seen == [{"n": 9, "v": "w"}, {"n": 9, "v": "zebu"}]
    table.refresh()
    assert set(table.refs()) == {"main"}
    assert spark_session.sql(f"SELECT count(*) AS n FROM {NAME} WHERE v = 'w'")["n"].to_pylist() == [2]
