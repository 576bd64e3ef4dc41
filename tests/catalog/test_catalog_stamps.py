"""What a commit carries about itself, and what it stands on."""

import json
import re
import threading

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError

from a360.catalog import COMMIT_ID, COUNTS, CREATED_BY, UPSTREAM, CommitStamp

ROWS = pa.table({"a": pa.array([1, 2, 3], pa.int64()), "b": ["x", "y", "z"]})


@pytest.fixture
def table(session, place):
    """A table with three rows that PyIceberg does not retry on."""
    properties = {"commit.retry.num-retries": "0"}
    made = session.client().create_table(
        "silver.visit", ROWS.schema, location=place("visit"), properties=properties
    )
    made.append(ROWS)
    return made


def summaries(session):
    table = session.client().load_table("silver.visit")
    return [each.summary.additional_properties for each in table.metadata.snapshots]


def test_every_snapshot_of_a_commit_carries_the_stamp(session, table, attach):
    """A MERGE makes two snapshots: both name the commit, what it was computed from, and its counts."""
    stamp = CommitStamp(
        "c1",
        upstream={"bronze.b": "2", "bronze.a": "1"},
        counts={"read": 5, "landed": 5},
        extra={"step": "merge"},
    )
    with session.stamped(stamp) as endpoint:
        attach(endpoint).execute(
            "MERGE INTO lake.silver.visit t "
            "USING (SELECT 1 AS a, 'n' AS b UNION ALL SELECT 9, 'm') s ON t.a = s.a "
            "WHEN MATCHED THEN UPDATE SET b = s.b WHEN NOT MATCHED THEN INSERT VALUES (s.a, s.b)"
        )
    stamped = [each for each in summaries(session) if each[COMMIT_ID] == "c1"]
    assert len(stamped) == 2
    for each in stamped:
        assert each[UPSTREAM] == '{"bronze.a":"1","bronze.b":"2"}'
        assert json.loads(each[COUNTS]) == {"read": 5, "landed": 5}
        assert each["a360.step"] == "merge"


def test_a_commit_without_stamp_gets_an_id_of_its_own(session, table):
    """Commits through the open endpoint can be told apart, and sort by the time they were made."""
    table.append(ROWS)
    ids = [each[COMMIT_ID] for each in summaries(session)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in ids)
    assert ids == sorted(set(ids))


def test_a_writer_may_name_its_commit_itself(session, table):
    """Through the open endpoint, an id that a writer put into its snapshot stays."""
    table.append(ROWS, snapshot_properties={COMMIT_ID: "mine"})
    assert summaries(session)[-1][COMMIT_ID] == "mine"


def test_the_stamp_overrules_the_writer(session, table):
    """Through an endpoint of its own, every snapshot carries the endpoint's stamp."""
    with session.stamped(CommitStamp("c1")) as endpoint:
        client = session.client(endpoint)
        client.load_table("silver.visit").append(ROWS, snapshot_properties={COMMIT_ID: "mine"})
    assert summaries(session)[-1][COMMIT_ID] == "c1"


def test_a_created_table_says_which_commit_made_it(session, place):
    """Tables carry the id of the commit that created them."""
    with session.stamped(CommitStamp("c1")) as endpoint:
        client = session.client(endpoint)
        made = client.create_table("silver.new", ROWS.schema, location=place("new"))
    assert made.properties[CREATED_BY] == "c1"


def test_a_fence_holds_back_who_stands_on_an_older_table(session, table):
    """A commit fails when the table has moved on from the snapshot that its writer computed from."""
    base = {"silver.visit": table.metadata.current_snapshot_id}
    table.append(ROWS)
    with session.stamped(CommitStamp("c1"), base=base) as endpoint:
        writer = session.client(endpoint).load_table("silver.visit")
        with pytest.raises(CommitFailedException, match="branch main has changed"):
            writer.append(ROWS)
    assert "c1" not in [each[COMMIT_ID] for each in summaries(session)]


def test_a_fence_moves_with_its_writers_commits(session, table):
    """A writer may commit several times on one fence; a rival's commit in between stops it."""
    base = {"silver.visit": table.metadata.current_snapshot_id}
    with session.stamped(CommitStamp("c1"), base=base) as endpoint:
        writer = session.client(endpoint).load_table("silver.visit")
        writer.append(ROWS)
        writer.append(ROWS)
        table.refresh().append(ROWS)
        with pytest.raises(CommitFailedException):
            writer.refresh().append(ROWS)
    assert [each[COMMIT_ID] for each in summaries(session)].count("c1") == 2


def test_a_fence_of_none_wants_a_table_without_snapshots(session, place):
    """None as the base lets the first commit through, and no other writer's before it."""
    made = session.client().create_table("silver.visit", ROWS.schema, location=place("visit"))
    base = {"silver.visit": None}
    with session.stamped(CommitStamp("c1"), base=base) as endpoint:
        session.client(endpoint).load_table("silver.visit").append(ROWS)
    with session.stamped(CommitStamp("c2"), base=base) as endpoint:
        writer = session.client(endpoint).load_table("silver.visit").transaction()
        writer.set_properties({"a": "1"})
        with pytest.raises(CommitFailedException):
            writer.commit_transaction()
    assert made.refresh().metadata.snapshots[-1].summary.additional_properties[COMMIT_ID] == "c1"


def test_a_fence_is_about_the_tables_it_names(session, table, place):
    """Tables that the fence does not name are committed to as usual."""
    other = session.client().create_table("silver.other", ROWS.schema, location=place("other"))
    with session.stamped(CommitStamp("c1"), base={"silver.visit": 7}) as endpoint:
        session.client(endpoint).load_table("silver.other").append(ROWS)
    assert other.refresh().metadata.current_snapshot_id is not None


def test_a_creation_on_a_fence_needs_the_table_to_be_missing(session, attach, profile, place):
    """CREATE TABLE AS passes a fence of None, and not one that expects a snapshot."""
    create = f"CREATE TABLE lake.silver.made WITH (location = '{place('made')}') AS SELECT 1 AS a"
    with session.stamped(CommitStamp("c1"), base={"silver.made": 7}) as endpoint:
        lake = attach(endpoint)
        with pytest.raises(duckdb.Error, match="CommitFailedException"):
            lake.execute(create)
    if profile == "glue":
        session.client().drop_table("silver.made")
    with session.stamped(CommitStamp("c2"), base={"silver.made": None}) as endpoint:
        attach(endpoint).execute(create)
    assert session.client().load_table("silver.made").scan().to_arrow().num_rows == 1


def test_a_closed_endpoint_answers_no_more(session, table):
    """When its writer is done, an endpoint is gone; the open one and other writers' stay."""
    with session.stamped(CommitStamp("c1")) as endpoint:
        writer = session.client(endpoint).load_table("silver.visit")
    with pytest.raises(NoSuchTableError, match="closed"):
        writer.refresh()
    assert session.client().table_exists("silver.visit")


def test_writers_at_once_keep_their_stamps_apart(session, table):
    """Stamps of writers that commit at the same time do not mix."""
    tables = ["silver.visit"]

    def write(number):
        with session.stamped(CommitStamp(f"c{number}", counts={"read": number})) as endpoint:
            while True:
                try:
                    return session.client(endpoint).load_table(tables[0]).append(ROWS)
                except CommitFailedException:
                    continue

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {each[COMMIT_ID]: each.get(COUNTS) for each in summaries(session)[1:]}
    assert found == {f"c{number}": json.dumps({"read": number}, separators=(",", ":")) for number in range(6)}
