"""Write, audit, publish: what no audit has passed is never the table's content."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from a360.errors import ConflictError, DataError
from a360.failpoints import ENV, FailpointError
from a360.table import history

NAME = "silver.audited"


@pytest.fixture
def table(tables, keyed):
    tables.create_table(NAME, keyed)
    return NAME


def rows_of(tables, relation):
    return sorted(
        tables.session.sql(f"SELECT id, v FROM {relation}").to_pylist(), key=lambda each: each["id"]
    )


def refs(tables):
    return sorted(tables.load(NAME).metadata.refs)


def refusing(_relation):
    raise DataError("rule-blocked", "The rows break a rule", where=NAME)


ROWS = "SELECT 1 AS id, 'new' AS v, 'x' AS clinic"


@pytest.mark.parametrize("before", [False, True], ids=["empty", "filled"])
def test_an_audit_sees_what_will_be_while_readers_see_what_is(tables, table, stamp, before):
    """The audit is given the table as it will be; until it returns, the table is as it was."""
    if before:
        tables.append(table, "SELECT 9 AS id, 'old' AS v, 'x' AS clinic", stamp())
    at = tables.current_snapshot_id(table)
    seen = []

    def audit(relation):
        seen.append((rows_of(tables, relation), tables.current_snapshot_id(table)))

    done = tables.replace(table, ROWS, stamp(), audit=audit)

    assert seen == [([{"id": 1, "v": "new"}], at)]
    assert rows_of(tables, table) == [{"id": 1, "v": "new"}]
    assert (done.snapshot_id, done.parent_id) == (tables.current_snapshot_id(table), at)
    assert refs(tables) == ["main"]


@pytest.mark.parametrize("before", [False, True], ids=["empty", "filled"])
def test_what_an_audit_refuses_leaves_no_trace(tables, table, stamp, before):
    """A refused change leaves the table's rows, snapshots, branches and commits as they were."""
    if before:
        tables.append(table, "SELECT 9 AS id, 'old' AS v, 'x' AS clinic", stamp())
    at, known = tables.current_snapshot_id(table), refs(tables)
    refused = stamp()

    with pytest.raises(DataError, match="rule-blocked"):
        tables.merge(table, ROWS, ["id"], refused, audit=refusing)

    assert (tables.current_snapshot_id(table), refs(tables)) == (at, known)
    assert refused.commit_id not in {each.commit_id for each in tables.commits(table)}
    assert len(tables.load(table).metadata.snapshots) == before


def test_a_change_is_audited_upon_what_another_writer_left(tables, table, stamp):
    """Where the table moves during an audit, the change is made and audited anew upon the new rows."""
    tables.append(table, "SELECT 9 AS id, 'old' AS v, 'x' AS clinic", stamp())
    seen = []

    def audit(relation):
        if not seen:
            tables.append(table, "SELECT 8 AS id, 'rival' AS v, 'x' AS clinic", stamp())
        seen.append([each["id"] for each in rows_of(tables, relation)])

    tables.merge(table, ROWS, ["id"], stamp(), audit=audit)

    assert seen == [[1, 9], [1, 8, 9]]
    assert [each["id"] for each in rows_of(tables, table)] == [1, 8, 9]
    assert refs(tables) == ["main"]


def test_a_fenced_change_is_not_made_anew(tables, table, stamp):
    """With a base, a table that moves during the audit is a conflict, and nothing of the change is there."""
    base = tables.append(table, "SELECT 9 AS id, 'old' AS v, 'x' AS clinic", stamp()).snapshot_id

    def audit(_relation):
        tables.append(table, "SELECT 8 AS id, 'rival' AS v, 'x' AS clinic", stamp())

    with pytest.raises(ConflictError):
        tables.replace(table, ROWS, stamp(), base=base, audit=audit)
    assert [each["id"] for each in rows_of(tables, table)] == [8, 9]
    assert refs(tables) == ["main"]


def test_a_commit_that_died_between_write_and_publish_is_collected(tables, table, stamp, monkeypatch):
    """A branch that nobody publishes any more goes with its snapshots when files are collected."""
    tables.append(table, "SELECT 9 AS id, 'old' AS v, 'x' AS clinic", stamp())
    with monkeypatch.context() as patched:
        patched.setenv(ENV, "table.audit.written=raise")
        patched.setattr("a360.table._audit.AuditedCommit._abandon", lambda *_: None)  # as kill -9 would
        with pytest.raises(FailpointError):
            tables.replace(table, ROWS, stamp(), audit=refusing)
    assert len(refs(tables)) == 2

    tables.collect(table, dry_run=False)
    assert len(refs(tables)) == 2, "it may be under way still"
    lost = tables.collect(table, dry_run=False, grace=timedelta(0))

    assert refs(tables) == ["main"]
    assert len(tables.load(table).metadata.snapshots) == 1
    assert any(each.path.endswith(".parquet") for each in lost)
    assert rows_of(tables, table) == [{"id": 9, "v": "old"}]


def test_the_past_tells_of_what_passed_an_audit_as_of_any_commit(tables, table, stamp, monkeypatch):
    """A snapshot that waited for its audit was not rolled back to, and one that waits still is no past."""
    made = [tables.merge(table, ROWS, ["id"], stamp(), audit=lambda _: time.sleep(0.01)) for _ in range(2)]
    with monkeypatch.context() as patched:
        patched.setenv(ENV, "table.audit.written=raise")
        patched.setattr("a360.table._audit.AuditedCommit._abandon", lambda *_: None)  # as kill -9 would
        with pytest.raises(FailpointError):
            tables.replace(table, ROWS, stamp(), audit=refusing)
    metadata = tables.load(table).metadata
    times = [(each.timestamp_ms, metadata.snapshot_by_id(each.snapshot_id)) for each in metadata.snapshot_log]
    assert all(at > snapshot.timestamp_ms for at, snapshot in times)

    told = [(each.snapshot_id, each.operation == "rollback", each.tags) for each in history(tables, [table])]

    assert told == [(each.snapshot_id, False, []) for each in reversed(made)]
    assert tables.undone_commits(table) == set()
    began = datetime.fromtimestamp(times[0][0] / 1000 - 0.001, UTC)
    assert tables.as_of(table, began) is None
    tables.rollback(table, made[0].snapshot_id, base=made[1].snapshot_id)
    assert [each.operation for each in history(tables, [table])].count("rollback") == 1
    assert tables.undone_commits(table) == {made[1].commit_id}


def test_a_branch_that_is_taken_away_is_no_empty_commit(tables, table, stamp, monkeypatch):
    """Where somebody takes the branch away before the audit, the writer is told, and the table stands."""
    tables.append(table, "SELECT 9 AS id, 'old' AS v, 'x' AS clinic", stamp())

    def take_away(place):
        if place == "table.audit.written":
            tables.collect(table, dry_run=False, grace=timedelta(0))

    monkeypatch.setattr("a360.table._audit.failpoint", take_away)
    with pytest.raises(ConflictError, match="taken away"):
        tables.replace(table, ROWS, stamp(), audit=lambda _: None)
    assert rows_of(tables, table) == [{"id": 9, "v": "old"}]


def test_a_branch_under_audit_does_not_expire(tables, table, stamp):
    """What is being audited is kept by its branch, however old the snapshots that may go."""
    tables.append(table, "SELECT 9 AS id, 'old' AS v, 'x' AS clinic", stamp())

    def audit(relation):
        tables.expire(table, datetime.now(UTC) + timedelta(hours=1))
        assert [each["id"] for each in rows_of(tables, relation)] == [1]

    tables.replace(table, ROWS, stamp(), audit=audit)
    assert rows_of(tables, table) == [{"id": 1, "v": "new"}]
