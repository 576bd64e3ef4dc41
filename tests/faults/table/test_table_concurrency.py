"""Several writers on one table: nothing is lost, nothing fails, and what is computed from it serialises."""

import pytest

pytestmark = pytest.mark.faults


def mixed(job, rows, writers, steps):
    """Plans of writers that append and merge by turns, and the rows that must be there in the end."""
    plans = [
        [
            job("append", rows=rows(1_000 + writer * 100 + step * 10, 10, "new"))
            if step % 2
            else job("merge", rows=rows(writer * 10, 10, f"{writer}-{step}"))
            for step in range(steps)
        ]
        for writer in range(writers)
    ]
    appended = {
        1_000 + writer * 100 + step * 10 + at: "new"
        for writer in range(writers)
        for step in range(1, steps, 2)
        for at in range(10)
    }
    merged = {writer * 10 + at: f"{writer}-{steps - 2}" for writer in range(writers) for at in range(10)}
    return plans, appended | merged


@pytest.mark.parametrize(
    "size",
    [("", 8, 8), ("merge-on-read", 3, 4)],
    ids=["eight by eight", "by the engine"],
)
def test_many_writers_by_many_commits_lose_nothing(tables, shared, run, job, rows, size):
    """Appends and merges of eight processes all land, each exactly once, and no process fails."""
    mode, writers, steps = size
    name = shared(**{"write.merge.mode": mode} if mode else {})
    plans, expected = mixed(job, rows, writers, steps)
    run(*plans)
    found = tables.read(name).to_pylist()
    assert {row["id"]: row["v"] for row in found} == expected
    assert len(found) == len(expected)
    commits = [each.commit_id for each in tables.commits(name)]
    assert sorted(commits) == sorted(each["commit"] for plan in plans for each in plan)


def test_merges_that_read_what_they_change_serialise(tables, shared, run, job, rows):
    """Counters lose no increment: a merge whose base has moved is refused, and computed anew."""
    name = shared()
    run([job("append", rows=rows(0, 2, "0"))])
    run(*[[job("increment", id=step % 2) for step in range(6)] for _ in range(3)])
    assert {row["id"]: row["v"] for row in tables.read(name).to_pylist()} == {0: "9", 1: "9"}


def test_upkeep_beside_writers_loses_nothing(tables, shared, run, job, rows):
    """Rewriting and expiring while others append takes no row away."""
    name = shared()
    plans = [[job("append", rows=rows(first + step * 10, 10, "x")) for step in range(6)] for first in (0, 60)]
    plans.append([job(("rewrite", "expire")[step % 2]) for step in range(8)])
    run(*plans)
    assert sorted(tables.read(name).column("id").to_pylist()) == list(range(120))
