"""The answer to a commit is lost on its way."""

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.exceptions import CommitFailedException, RESTError

from a360.catalog import COMMIT_ID, CommitStamp

pytestmark = pytest.mark.faults

LOST = [500, 502, 503, 504, 429, "drop", "truncate", "timeout"]
WHEN = ["after", "before"]
ROWS = pa.table({"a": pa.array([1, 2, 3], pa.int64()), "b": ["x", "y", "z"]})


@pytest.fixture
def visit(session, namespace, location):
    """A table with three rows, made before anything breaks."""
    table = session.client().create_table((namespace, "visit"), ROWS.schema, location=location("visit"))
    table.append(ROWS)
    return f"{namespace}.visit"


@pytest.fixture
def whole(session):
    """Read a table back with every file it names; gives its snapshots of one commit."""

    def read(name, rows, commit_id):
        table = session.client().load_table(name)
        assert table.scan().to_arrow().num_rows == rows
        stamps = [each.summary.additional_properties.get(COMMIT_ID) for each in table.metadata.snapshots]
        return stamps.count(commit_id)

    return read


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("what", LOST)
def test_a_duckdb_commit_whose_answer_is_lost_counts_once(session, line, visit, attach, whole, what, when):
    """Wherever the answer to DuckDB's commit is lost, the rows are there once and no file is missing."""
    with session.stamped(CommitStamp("the-commit")) as endpoint:
        connection = attach(endpoint)
        line.plan((what, when))
        connection.execute(f"INSERT INTO lake.{visit} VALUES (4, 'w')")
    assert line.met == [(what, when)]
    assert whole(visit, 4, "the-commit") == 1


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("what", LOST)
def test_a_pyiceberg_commit_whose_answer_is_lost_counts_once(session, line, visit, whole, what, when):
    """Wherever the answer to PyIceberg's commit is lost, the rows are there once and no file is missing."""
    with session.stamped(CommitStamp("the-commit")) as endpoint:
        line.plan((what, when))
        session.client(endpoint).load_table(visit).append(ROWS)
    assert line.met == [(what, when)]
    assert whole(visit, 6, "the-commit") == 1


def test_a_commit_whose_answers_are_lost_again_and_again_counts_once(session, line, visit, attach, whole):
    """Several losses in a row are outlived, whichever of them carried the commit out."""
    faults = [(503, "before"), ("drop", "before"), ("truncate", "after"), (500, "after")]
    with session.stamped(CommitStamp("the-commit")) as endpoint:
        connection = attach(endpoint)
        line.plan(*faults)
        connection.execute(
            f"MERGE INTO lake.{visit} t "
            "USING (SELECT 1 AS a, 'n' AS b UNION ALL SELECT 9, 'm') s ON t.a = s.a "
            "WHEN MATCHED THEN UPDATE SET b = s.b WHEN NOT MATCHED THEN INSERT VALUES (s.a, s.b)"
        )
    # The third of them carried it out, and reading the table back told so: nobody had to try a fourth time.
    assert line.met == faults[:3]
    assert whole(visit, 4, "the-commit") == 2


def test_a_landed_commit_is_found_under_a_rivals(session, line, visit, attach, whole):
    """A commit that landed, and was built upon before its answer got lost, is a success."""
    rival = session.client().load_table(visit)
    with session.stamped(CommitStamp("the-commit")) as endpoint:
        connection = attach(endpoint)
        line.plan(("drop", "after"), meanwhile=lambda: rival.refresh().append(ROWS))
        connection.execute(f"INSERT INTO lake.{visit} VALUES (4, 'w')")
    assert whole(visit, 7, "the-commit") == 1


def test_a_commit_that_a_rival_ruled_out_is_a_conflict(session, line, visit, attach, whole):
    """A commit lost before it landed, which cannot land any more, fails; the table is the rival's."""
    rival = session.client().load_table(visit)
    with session.stamped(CommitStamp("the-commit")) as endpoint:
        connection = attach(endpoint)
        line.plan(("drop", "before"), meanwhile=lambda: rival.append(ROWS))
        with pytest.raises(duckdb.Error, match="CommitFailedException"):
            connection.execute(f"INSERT INTO lake.{visit} VALUES (4, 'w')")
    assert whole(visit, 6, "the-commit") == 0


def test_a_fenced_commit_that_a_rival_ruled_out_is_a_conflict(session, line, visit, whole):
    """The fence holds when the answer is lost too: PyIceberg's own retry does not get past it."""
    table = session.client().load_table(visit)
    base = {visit: table.metadata.current_snapshot_id}
    with session.stamped(CommitStamp("the-commit"), base=base) as endpoint:
        writer = session.client(endpoint).load_table(visit)
        with writer.transaction() as properties:
            properties.set_properties({"commit.retry.num-retries": "1", "commit.retry.min-wait-ms": "1"})
        line.plan((500, "before"), meanwhile=lambda: table.append(ROWS))
        with pytest.raises(CommitFailedException):
            writer.append(ROWS)
    assert whole(visit, 6, "the-commit") == 0


CREATION_FAULTS = [
    [(500, "after")],
    [("drop", "before")],
    [("pass", "after"), (500, "after")],
    [("pass", "after"), ("drop", "after")],
    [("drop", "after"), ("drop", "before"), (500, "before"), ("drop", "after")],
]


@pytest.mark.parametrize("faults", CREATION_FAULTS, ids=str)
def test_a_duckdb_creation_whose_answer_is_lost_happens_once(
    session, line, namespace, location, attach, whole, faults
):
    """CREATE TABLE AS is whole wherever answers are lost: to the creation, or to the commit that follows."""
    with session.stamped(CommitStamp("the-commit")) as endpoint:
        connection = attach(endpoint)
        line.plan(*faults)
        connection.execute(
            f"CREATE TABLE lake.{namespace}.made WITH (location = '{location('made')}') "
            "AS SELECT range AS a FROM range(9)"
        )
    assert line.met == faults
    assert whole(f"{namespace}.made", 9, "the-commit") == 1


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("what", [500, "drop"])
def test_a_pyiceberg_creation_whose_answer_is_lost_happens_once(
    session, line, namespace, location, what, when
):
    """A created table is there, and is the one its creator holds, wherever the answer is lost."""
    line.plan((what, when))
    made = session.client().create_table((namespace, "made"), ROWS.schema, location=location("made"))
    assert session.client().load_table((namespace, "made")).metadata.table_uuid == made.metadata.table_uuid
    made.append(ROWS)


def test_a_transaction_whose_answer_is_lost_is_whole(
    session, line, visit, namespace, location, attach, whole
):
    """A DuckDB transaction over two tables lands in both, once, when its answers are lost.

    It is one commit, or, with a catalog that has no transactions over several tables, one for each of them.
    """
    session.client().create_table((namespace, "other"), ROWS.schema, location=location("other"))
    with session.stamped(CommitStamp("the-commit")) as endpoint:
        connection = attach(endpoint)
        line.plan((500, "after"), (500, "after"))
        connection.execute(
            f"BEGIN; INSERT INTO lake.{visit} VALUES (4, 'w'); "
            f"INSERT INTO lake.{namespace}.other VALUES (1, 'w'); COMMIT"
        )
    assert line.met
    assert (whole(visit, 4, "the-commit"), whole(f"{namespace}.other", 1, "the-commit")) == (1, 1)


FOREVER = [(500, "after")] + [(500, "before")] * 200


def test_an_outcome_nobody_can_tell_costs_duckdb_no_file(impatient, line, visit, attach, whole):
    """DuckDB told to remove no files leaves a table whole even when the gateway has to give up."""
    with impatient.stamped(CommitStamp("the-commit")) as endpoint:
        connection = attach(endpoint, REMOVE_FILES_ON_DELETE=False)
        connection.execute("SET http_retries = 0")
        line.plan(*FOREVER)
        line.unreadable = True
        with pytest.raises(duckdb.Error, match="HTTP 504"):
            connection.execute(f"INSERT INTO lake.{visit} VALUES (4, 'w')")
    line.plan()
    assert whole(visit, 4, "the-commit") == 1


def test_an_outcome_nobody_can_tell_costs_pyiceberg_no_file(impatient, line, visit, whole):
    """PyIceberg told that the outcome is unknown leaves a table whole."""
    with impatient.stamped(CommitStamp("the-commit")) as endpoint:
        writer = impatient.client(endpoint).load_table(visit)
        line.plan(*FOREVER)
        line.unreadable = True
        with pytest.raises(RESTError, match="CommitStateUnknownException"):
            writer.append(ROWS)
    line.plan()
    assert whole(visit, 6, "the-commit") == 1


def test_an_open_outcome_is_settled_when_the_commit_is_sent_again(impatient, line, visit, attach, whole):
    """DuckDB sends a commit again whose outcome was not told: it succeeds once the catalog can be asked."""
    with impatient.stamped(CommitStamp("the-commit")) as endpoint:
        connection = attach(endpoint)
        connection.execute("SET http_retries = 3")
        line.plan((500, "after"), *[(500, "before")] * 4)
        line.unreadable = True
        connection.execute(f"INSERT INTO lake.{visit} VALUES (4, 'w')")
    assert whole(visit, 4, "the-commit") == 1


def test_without_the_gateway_duckdb_destroys_the_table(line, visit, attach, whole):
    """The fault is real: DuckDB alone deletes the files of a commit whose answer was lost."""
    connection = attach(type(line.catalog)(line.uri, line.catalog.token, line.catalog.warehouse))
    connection.execute("SET http_retries = 3")
    line.plan((500, "after"))
    with pytest.raises(duckdb.Error):
        connection.execute(f"INSERT INTO lake.{visit} VALUES (4, 'w')")
    with pytest.raises(FileNotFoundError):
        whole(visit, 4, "the-commit")
