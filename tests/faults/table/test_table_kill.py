"""A writer killed anywhere in a commit: the table stays whole, and doing it again ends as if undisturbed."""

import datetime as dt
from pathlib import Path

import pytest

from a360.contract import load_contracts, make_plan

pytestmark = pytest.mark.faults

CONTRACTS = Path(__file__).parents[3] / "contracts"
NOW = dt.timedelta(0)

STAGED = ["table.stage.before", "engine.stage.written", "table.stage.after"]
ENGINES = ["table.commit.before", "table.commit.after"]
OURS = ["table.commit.before", "table.commit.written", "table.commit.after"]
CASES = [
    ("append", "copy-on-write", [*STAGED, *OURS]),
    ("merge", "copy-on-write", [*STAGED, *OURS]),
    ("merge", "merge-on-read", ENGINES),
    ("scope", "merge-on-read", ENGINES),
    ("replace", "copy-on-write", OURS),
    ("delete", "copy-on-write", OURS),
    ("delete", "merge-on-read", ENGINES),
    ("rewrite", "merge-on-read", OURS),
]
FIRST = dict.fromkeys(range(8), "old") | {20: "gone"}
AFTER = {
    "append": FIRST | dict.fromkeys(range(100, 105), "new"),
    "merge": FIRST | dict.fromkeys(range(5, 15), "merged"),
    "scope": {20: "gone"} | dict.fromkeys(range(50, 53), "scoped"),
    "replace": dict.fromkeys(range(3), "replaced"),
    "delete": {at: value for at, value in FIRST.items() if at >= 4},
    "rewrite": FIRST,
}
ROWS = {
    "append": (100, 5, "new"),
    "merge": (5, 10, "merged"),
    "scope": (50, 3, "scoped"),
    "replace": (0, 3, "replaced"),
}


def held(tables, name):
    """What the table holds, once it is sure that no row is there twice."""
    found = tables.read(name).to_pylist()
    assert len({row["id"] for row in found}) == len(found)
    return {row["id"]: row["v"] for row in found}


def require_no_orphans(tables, name):
    """Collect what lies about, and hold that nothing is left and nothing is missing."""
    before = held(tables, name)
    tables.collect(name, dry_run=False, grace=NOW)
    assert tables.collect(name, grace=NOW) == []
    assert held(tables, name) == before


@pytest.fixture
def filled(shared, again, job, rows):
    """A table of two data files, one of which has a row deleted."""

    def make(mode, name):
        shared(name, **{"write.merge.mode": mode, "write.delete.mode": mode})
        again(job("append", table=name, rows=rows(0, 8, "old")))
        again(job("append", table=name, rows=rows(20, 2, "gone", clinic="d")))
        again(job("delete", table=name, where="id = 21"))

    return make


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]}")
def test_a_commit_killed_anywhere_is_whole_and_can_be_done_again(
    tables, filled, killed, again, job, rows, case
):
    """Before or after, never between; the same job lands once; what lies about is found and collected."""
    kind, mode, points = case
    parts = {"rows": rows(*ROWS[kind])} if kind in ROWS else {"where": "id < 4"}
    for at, point in enumerate(points):
        name = f"silver.killed_{at}"
        filled(mode, name)
        one = job(kind, table=name, **parts)
        killed([one], point)
        assert held(tables, name) == (AFTER[kind] if point == "table.commit.after" else FIRST)
        again(one)
        assert held(tables, name) == AFTER[kind]
        commits = [each.commit_id for each in tables.commits(name)]
        assert commits.count(one["commit"]) == 1
        require_no_orphans(tables, name)


@pytest.mark.parametrize("point", ["table.expire.before", "table.expire.after"])
def test_expiry_killed_anywhere_can_be_done_again(tables, shared, killed, again, job, rows, point):
    """A killed expiry loses nothing that is retained; doing it again leaves only what is reached."""
    name = shared()
    for step in range(3):
        again(job("append", rows=rows(step * 10, 5, "x")))
    again(job("replace", rows=rows(0, 4, "y")))
    killed([job("expire")], point)
    assert held(tables, name) == dict.fromkeys(range(4), "y")
    again(job("expire"))
    assert len(tables.snapshots(name)) == 1
    require_no_orphans(tables, name)


def test_collecting_killed_before_its_deletions_can_be_done_again(tables, shared, killed, job, rows):
    """Orphans that a killed collection left are found by the next."""
    name = shared()
    killed([job("append", rows=rows(0, 5, "x"))], "table.commit.before")
    killed([job("collect")], "table.collect.before")
    assert [Path(each.path).suffix for each in tables.collect(name, grace=NOW)] == [".parquet"]
    require_no_orphans(tables, name)


def test_young_orphans_are_left_alone(tables, shared, killed, job, rows):
    """What another writer may be about to commit is not collected within its grace."""
    name = shared()
    killed([job("append", rows=rows(0, 5, "x"))], "table.commit.before")
    assert tables.collect(name, dry_run=False) == []
    assert len(tables.collect(name, grace=NOW)) == 1


def test_the_record_of_commits_is_rebuilt_after_a_crash(tables, shared, killed, again, job, rows):
    """Commits that a killed process did not record are found in the snapshots, each once."""
    name = shared()
    tables.create(make_plan(load_contracts(CONTRACTS)).table("ops.commit"))
    again(job("append", rows=rows(0, 5, "x")))
    tables.record()
    last = job("merge", rows=rows(3, 5, "y"))
    killed([last], "table.commit.after")
    tables.rebuild_record()
    recorded = sorted(row["commit_id"] for row in tables.read("ops.commit").to_pylist())
    assert recorded == sorted(each.commit_id for each in tables.commits(name))
    assert last["commit"] in recorded
    assert tables.rebuild_record() is None
