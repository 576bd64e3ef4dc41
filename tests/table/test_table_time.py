"""The past of a table: what was current when, names for it, the way back, and what upkeep leaves of it."""

import datetime as dt
import json
from pathlib import Path

import pytest

from a360.contract import load_contracts, make_plan
from a360.errors import ConflictError, UsageError
from a360.table import commits_after

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
NAME, OTHER = "silver.patient", "silver.encounter"
MILLI = dt.timedelta(milliseconds=1)


def later():
    return dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)


def rows(first, count=5):
    return f"SELECT range AS id, 'v' AS v FROM range({first}, {first + count})"


def ids(tables, snapshot_id=None):
    return sorted(tables.read(NAME, ["id"], snapshot_id=snapshot_id).column("id").to_pylist())


@pytest.fixture
def grown(tables, keyed, stamp):
    """A table of three commits, oldest first."""
    tables.create_table(NAME, keyed)
    return [tables.append(NAME, rows(at * 10), stamp()) for at in range(3)]


def test_each_moment_has_the_snapshot_that_was_current(tables, grown):
    """The very millisecond of a commit shows it; the one before shows its predecessor."""
    times = [each.committed_at for each in grown]
    shown = [tables.as_of(NAME, time) for time in times]
    assert shown == [each.snapshot_id for each in grown]
    assert tables.as_of(NAME, times[1] - MILLI) in {grown[0].snapshot_id, grown[1].snapshot_id}
    assert tables.as_of(NAME, later()) == grown[2].snapshot_id


def test_a_table_without_rows_yet_is_told_from_one_that_was_not_there(tables, grown):
    """Between its creation and its first commit a table held nothing; before, it cannot be read."""
    made = tables.load(NAME).metadata.metadata_log[0].timestamp_ms
    created = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + made * MILLI
    assert tables.as_of(NAME, created) is None
    with pytest.raises(UsageError, match="time-unreachable") as error:
        tables.as_of(NAME, created - MILLI)
    assert "is there since" in error.value.found


def test_what_has_expired_is_not_answered_with_something_else(tables, grown):
    """A time whose snapshot was forgotten is refused, and a later one is not taken in its place."""
    tables.expire(NAME, later())
    assert tables.as_of(NAME, later()) == grown[2].snapshot_id
    with pytest.raises(UsageError, match="time-unreachable") as error:
        tables.as_of(NAME, grown[1].committed_at)
    assert "expired" in error.value.found


def test_times_after_a_rollback_show_the_old_snapshot_again(tables, grown):
    """The log decides: before the rollback the new snapshot, after it the old one, of an older time."""
    tables.rollback(NAME, grown[0].snapshot_id, base=grown[2].snapshot_id)
    assert tables.as_of(NAME, grown[2].committed_at) == grown[2].snapshot_id
    assert tables.as_of(NAME, later()) == grown[0].snapshot_id
    assert ids(tables) == list(range(5))
    assert ids(tables, grown[2].snapshot_id) == [*range(5), *range(10, 15), *range(20, 25)]


def test_a_rollback_undoes_the_commits_after_its_target_and_later_ones_go_on(tables, grown, stamp):
    """What was undone is known by its commit ids, and a commit after it stands on the target."""
    assert commits_after(tables.load(NAME), grown[0].snapshot_id) == [grown[2].commit_id, grown[1].commit_id]
    tables.rollback(NAME, grown[0].snapshot_id, base=grown[2].snapshot_id)
    tables.append(NAME, rows(50), stamp())
    assert tables.undone_commits(NAME) == {grown[1].commit_id, grown[2].commit_id}
    assert ids(tables) == [*range(5), *range(50, 55)]
    assert tables.commits_since(NAME, grown[2].snapshot_id) is None


def test_a_rollback_undoes_no_commit_that_nobody_has_seen(tables, grown, stamp):
    """A commit that came in between makes the rollback fail, and stays."""
    newer = tables.append(NAME, rows(30), stamp())
    with pytest.raises(ConflictError, match="commit-conflict"):
        tables.rollback(NAME, grown[0].snapshot_id, base=grown[2].snapshot_id)
    assert tables.current_snapshot_id(NAME) == newer.snapshot_id


def test_what_a_tag_kept_while_its_descendants_expired_was_not_undone(tables, grown, stamp):
    """An ancestor that a tag keeps beyond expired ones is no undone commit: its rows are in the table."""
    tables.rollback(NAME, grown[0].snapshot_id, base=grown[2].snapshot_id)
    tables.tag("base", [NAME])
    tables.append(NAME, rows(60), stamp())
    tables.append(NAME, rows(70), stamp())
    tables.expire(NAME, later())
    assert tables.undone_commits(NAME) == set()


@pytest.fixture
def pair(tables, keyed, grown):
    """The table, and one beside it that holds nothing."""
    tables.create_table(OTHER, keyed)
    return [NAME, OTHER]


def test_a_tag_names_one_state_of_several_tables(tables, pair, grown, stamp):
    """A tag stays on what was current, on an empty table too, whatever is committed later and expires."""
    tables.tag("v1", pair)
    tables.append(NAME, rows(40), stamp())
    tables.expire(NAME, later())
    tags = {each.table: each for each in tables.tags(pair)}
    assert [tags[name].snapshot_id for name in pair] == [grown[2].snapshot_id, None]
    assert tags[NAME].created_at == tags[OTHER].created_at
    assert ids(tables, grown[2].snapshot_id) == [*range(5), *range(10, 15), *range(20, 25)]


def test_a_tag_is_set_once_or_not_at_all(tables, pair, profile, stamp):
    """A name that one table bears is set on none, where the catalog commits several tables at once."""
    tables.tag("v1", [NAME])
    tables.append(NAME, rows(40), stamp())
    with pytest.raises(ConflictError, match="commit-conflict"):
        tables.tag("v1", [OTHER, NAME])
    if profile is None:
        assert {each.table for each in tables.tags(pair)} == {NAME}


def test_a_removed_tag_leaves_nothing(tables, pair):
    """After its removal the name is free, and a second removal finds nothing to do."""
    tables.tag("v1", pair)
    assert {each.table for each in tables.untag("v1", pair)} == set(pair)
    assert tables.untag("v1", pair) == [] == tables.tags(pair)
    tables.tag("v1", pair)


def test_a_stranger_s_tag_is_a_tag(tables, grown):
    """A tag that another program set, without our note or with a broken one, is listed all the same."""
    table = tables.load(NAME)
    table.manage_snapshots().create_tag(int(grown[1].snapshot_id), "theirs").commit()
    table.transaction().set_properties({"a360.tag.theirs": json.dumps(["?"])}).commit_transaction()
    [tag] = tables.tags([NAME])
    assert (tag.name, tag.snapshot_id, tag.created_at) == ("theirs", grown[1].snapshot_id, None)


def test_a_rewrite_goes_on_saying_where_the_rows_come_from(tables, keyed, stamp):
    """What a step stamped outlives the rewrite of its rows and the expiry of its snapshot."""
    tables.create_table(NAME, keyed)
    for at in range(5):
        tables.append(
            NAME, rows(at * 10), stamp(upstream={OTHER: str(at)}, extra={"step": "s", "shard": "7"})
        )
    rewritten = tables.rewrite(NAME)
    tables.expire(NAME, later())
    [left] = tables.snapshots(NAME)
    assert left.snapshot_id == rewritten.snapshot_id
    assert left.upstream == {OTHER: "4"}
    assert (left.summary["a360.step"], left.summary["a360.shard"]) == ("s", "7")
    assert left.commit_id == rewritten.commit_id


def test_the_record_of_commits_tells_what_came_after_a_snapshot_that_has_expired(tables, keyed, stamp):
    """Commits since an expired snapshot are told if the record leads to it without a gap, and not else."""
    tables.create_table(NAME, keyed)
    written = [tables.append(NAME, rows(at * 10), stamp()) for at in range(4)]
    tables.create(make_plan(load_contracts(CONTRACTS)).table("ops.commit"))
    tables.record()
    tables.expire(NAME, later())
    wanted = [each.commit_id for each in written[2:]]
    assert tables.commits_since(NAME, written[1].snapshot_id) is None
    assert tables.commits_since(NAME, written[1].snapshot_id, recorded=True) == wanted
    assert tables.commits_since(NAME, "1", recorded=True) is None
    tables.delete("ops.commit", f"snapshot_id = '{written[2].snapshot_id}'", stamp())
    assert tables.commits_since(NAME, written[1].snapshot_id, recorded=True) is None


def test_a_snapshot_is_found_again_in_what_it_was_rewritten_into(tables, keyed, stamp):
    """The rows of a rewritten snapshot are those of its rewrite, even once it has expired."""
    tables.create_table(NAME, keyed)
    written = [tables.append(NAME, rows(at * 10), stamp()) for at in range(5)]
    before = written[-1].snapshot_id
    assert tables.same_rows(NAME, before) == before
    rewritten = tables.rewrite(NAME).snapshot_id
    assert tables.same_rows(NAME, before) == tables.same_rows(NAME, rewritten) == rewritten
    assert tables.same_rows(NAME, written[3].snapshot_id) == written[3].snapshot_id
    tables.expire(NAME, later())
    assert tables.same_rows(NAME, before) == rewritten
    added = tables.append(NAME, rows(90), stamp())
    assert tables.same_rows(NAME, before) == rewritten
    assert tables.commits_since(NAME, rewritten) == [added.commit_id]
