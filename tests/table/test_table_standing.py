"""The committer looks at tables without typing their past, and knows as much of it."""

import pytest

from a360.catalog import CatalogSession

NAME = "silver.many"


@pytest.fixture
def many(tables, keyed, stamp):
    """A table of several commits, one of them a statement of the engine's, and one undone."""
    tables.create_table(NAME, keyed)
    for first in range(5):
        tables.append(NAME, f"SELECT {first} AS id, 'v' AS v, 'c' AS clinic", stamp())
    tables.delete(NAME, "id = 2", stamp())
    kept = tables.current_snapshot_id(NAME)
    undone = tables.append(NAME, "SELECT 9 AS id, 'v' AS v, 'c' AS clinic", stamp())
    tables.rollback(NAME, kept, base=undone.snapshot_id)
    return tables, undone.commit_id


def standing(tables):
    return tables._committer.standing(NAME)


def test_commits_are_found_as_in_the_typed_history(many):
    """Of every commit of the history the same is told as by the typed metadata; of no other anything."""
    tables, undone = many
    found = standing(tables)
    results = tables.commits(NAME)
    assert len(results) == 6
    assert [found.landed(each.commit_id) for each in results] == results
    assert found.landed(undone) is None
    assert found.landed("nobody") is None


def test_only_snapshots_with_a_name_are_typed(many, stamp):
    """What is typed does not grow with the history: the current snapshot, and those of branches and tags."""
    tables, _ = many
    assert len(standing(tables).table.metadata.snapshots) == 1
    tables.tag("release", [NAME])
    tables.append(NAME, "SELECT 10 AS id, 'v' AS v, 'c' AS clinic", stamp())
    assert len(standing(tables).table.metadata.snapshots) == 2
    assert standing(tables).table.metadata.current_snapshot_id == int(tables.current_snapshot_id(NAME))


def test_what_another_session_commits_is_seen_at_once(many, folder, profile):
    """A kept answer is not used for a table that has moved: here by another process's gateway."""
    tables, _ = many
    before = standing(tables)
    assert standing(tables).document is before.document
    with (
        CatalogSession.open(folder, profile=profile) as other,
        other.client().load_table(NAME).transaction() as change,
    ):
        change.set_properties({"owner": "other"})
    after = standing(tables)
    assert after.table.properties["owner"] == "other"
    assert after.snapshot_id == before.snapshot_id


def test_a_replay_is_found_behind_many_commits(many, stamp):
    """A commit id is found in the history, however much was committed since."""
    tables, _ = many
    mark = stamp()
    first = tables.append(NAME, "SELECT 20 AS id, 'v' AS v, 'c' AS clinic", mark)
    for number in range(21, 30):
        tables.append(NAME, f"SELECT {number} AS id, 'v' AS v, 'c' AS clinic", stamp())
    again = tables.append(NAME, "SELECT 20 AS id, 'v' AS v, 'c' AS clinic", mark)
    assert again.replayed
    assert again.snapshot_id == first.snapshot_id
    assert tables.read(NAME, columns=["id"])["id"].to_pylist().count(20) == 1
