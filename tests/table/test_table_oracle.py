"""Any sequence of writes leaves a table as a plain dictionary would have it, now and at every snapshot."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a360.catalog import CommitStamp
from a360.table import new_commit_id

NAME = "silver.oracle"
ARROW = pa.schema([("id", pa.int64()), ("v", pa.string()), ("clinic", pa.string())])

IDS = st.integers(0, 12)
VALUES = st.sampled_from(["a", "b", "", "ü'\"", None])
CLINICS = st.sampled_from(["north", "south", None])
ROWS = st.dictionaries(IDS, st.tuples(VALUES, CLINICS), max_size=8)
STEPS = st.one_of(
    st.tuples(st.just("append"), ROWS),
    st.tuples(st.just("merge"), ROWS),
    st.tuples(st.just("replace"), ROWS),
    st.tuples(st.just("scope"), ROWS, st.none() | st.sets(CLINICS, max_size=2)),
    st.tuples(st.just("delete"), IDS),
    st.tuples(st.just("rewrite")),
    st.tuples(st.just("expire")),
)


def arrow(rows):
    return pa.Table.from_pylist(
        [{"id": id_, "v": v, "clinic": clinic} for id_, (v, clinic) in rows], schema=ARROW
    )


def stamp():
    return CommitStamp(new_commit_id())


class Model:
    """The oracle: a list of rows, since appends may repeat a key, and its past."""

    def __init__(self):
        self.rows = []
        self.past = {}

    def apply(self, tables, step):
        kind, *rest = step
        return getattr(self, f"_{kind}")(tables, *rest)

    def _append(self, tables, rows):
        self.rows = [*self.rows, *rows.items()]
        return tables.append(NAME, arrow(rows.items()), stamp())

    def _merge(self, tables, rows):
        kept = [row for row in self.rows if row[0] not in rows]
        self.rows = [*kept, *rows.items()]
        return tables.merge(NAME, arrow(rows.items()), ["id"], stamp())

    def _replace(self, tables, rows):
        self.rows = list(rows.items())
        return tables.replace(NAME, arrow(rows.items()), stamp())

    def _scope(self, tables, rows, scope):
        gone = {clinic for _, clinic in rows.values()} if scope is None else scope
        self.rows = [*(row for row in self.rows if row[1][1] not in gone), *rows.items()]
        given = None if scope is None else pa.table({"clinic": pa.array(sorted(scope, key=str), pa.string())})
        return tables.merge(NAME, arrow(rows.items()), ["id"], stamp(), scope=["clinic"], scope_rows=given)

    def _delete(self, tables, limit):
        self.rows = [row for row in self.rows if row[0] >= limit]
        return tables.delete(NAME, f"id < {limit}", stamp())

    def _rewrite(self, tables):
        return tables.rewrite(NAME)

    def _expire(self, tables):
        kept = {each.snapshot_id for each in tables.snapshots(NAME)[:2]}
        tables.expire(NAME, dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1), keep=2)
        self.past = {key: value for key, value in self.past.items() if key in kept}


def rows_of(table):
    found = ((row["id"], (row["v"], row["clinic"])) for row in table.to_pylist())
    return sorted(found, key=repr)


@pytest.mark.parametrize("mode", ["automatic", "copy-on-write", "merge-on-read"])
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=7))
def test_any_sequence_of_writes_equals_the_oracle(tables, keyed, mode, steps):
    """After each step the table equals the oracle; so does the past, and nothing lies about unreached."""
    model = Model()
    if tables.exists(NAME):
        tables.drop(NAME, purge=True)
    modes = {} if mode == "automatic" else {"write.merge.mode": mode, "write.delete.mode": mode}
    tables.create_table(NAME, keyed, properties=modes)
    for step in steps:
        result = model.apply(tables, step)
        expected = sorted(model.rows, key=repr)
        assert rows_of(tables.read(NAME)) == expected
        if result is not None and result.snapshot_id is not None:
            model.past[result.snapshot_id] = expected
    assert tables.info(NAME).rows == len(model.rows)
    for snapshot_id, expected in model.past.items():
        assert rows_of(tables.read(NAME, snapshot_id=snapshot_id)) == expected
    assert rows_of(tables.load(NAME).scan().to_arrow()) == sorted(model.rows, key=repr)
    lost = {Path(each.path).suffix for each in tables.collect(NAME, grace=dt.timedelta(0))}
    assert lost <= {".json"}
