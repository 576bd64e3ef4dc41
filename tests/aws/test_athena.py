"""Queries of Athena: submitted, watched, stopped, and their answers as Arrow."""

import datetime as dt
import threading
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from athena_server import AthenaServer
from aws_server import ACCOUNT

from a360.aws import Athena, Aws, deployed_sql, rows_of
from a360.aws._athena import failure
from a360.contract import DeployedNames, Environment
from a360.errors import (
    ContractError,
    DataError,
    DeniedError,
    InternalError,
    OperatorError,
    UsageError,
)

NAMES = DeployedNames("a360", "staging", ACCOUNT, "us-east-1")


@pytest.fixture
def server(nobody):
    """A server whose Athena runs SQL on a DuckDB without tables."""
    connection = duckdb.connect()
    with AthenaServer(lambda sql: connection.execute(sql).to_arrow_table()) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield serving
        serving.shutdown()


@pytest.fixture
def athena(server):
    """A workgroup of it, for which time passes at once."""
    places = dict.fromkeys(("athena", "s3", "sts"), server.url)
    told = {"name": "staging", "kind": "aws", "account": ACCOUNT, "region": "us-east-1", "endpoints": places}
    clock = [0.0]

    def wait(seconds):
        clock[0] += max(seconds, 0.01)

    aws = Aws(Environment.model_validate(told), tries=2)
    return Athena(aws, "a360-staging-engineer", wait=wait, clock=lambda: clock[0])


def answer(athena, sql):
    done = athena.run(sql)
    return rows_of(athena.content(done.place), athena.columns(done.id))


def test_query_is_watched_to_its_end(athena, server):
    """A query is asked in its workgroup and followed until it has ended; what it read is told."""
    done = athena.run("SELECT 1 AS one")
    assert server.script.workgroups == ["a360-staging-engineer"]
    assert (done.scanned_bytes, done.seconds, athena.scanned_bytes) == (1234, 1.5, 1234)
    assert rows_of(athena.content(done.place), athena.columns(done.id)).to_pylist() == [{"one": 1}]
    assert server.script.stopped == []


def test_answers_have_the_types_of_their_columns(athena):
    """Values come back as they were, in their types: NULL is no empty text, and times keep microseconds."""
    found = answer(
        athena,
        "SELECT * FROM (VALUES (CAST(1 AS BIGINT), 'a', CAST(1.25 AS DECIMAL(9, 2)), DATE '2026-11-24', "
        "true, CAST(0.1 AS DOUBLE), TIMESTAMP '2026-11-24 02:03:04.000005', "
        "CAST('2026-11-24 02:03:04.000005 UTC' AS TIMESTAMP WITH TIME ZONE)), "
        "(NULL, '', NULL, NULL, NULL, NULL, NULL, NULL), (-1, 'two\nlines, "
        '"quoted"\', 0.00, NULL, false, NULL, NULL, NULL)) AS t (n, text, amount, day, yes, x, at, moment)',
    )
    moment = dt.datetime(2026, 11, 24, 2, 3, 4, 5, tzinfo=dt.UTC)
    assert found.to_pylist()[0] == {
        "n": 1, "text": "a", "amount": Decimal("1.25"), "day": dt.date(2026, 11, 24), "yes": True, "x": 0.1,
        "at": moment.replace(tzinfo=None), "moment": moment,
    }  # fmt: skip
    assert found["text"].to_pylist() == ["a", "", 'two\nlines, "quoted"']
    assert found["n"].to_pylist() == [1, None, -1]
    assert found.schema.field("moment").type == pa.timestamp("us", tz="UTC")
    assert found.schema.field("amount").type == pa.decimal128(9, 2)


def test_answers_without_rows_have_their_columns(athena):
    """An answer of no rows has the columns and types that it would have had."""
    found = answer(athena, "SELECT CAST(1 AS BIGINT) AS n, 'x' AS text LIMIT 0")
    assert (found.num_rows, found.schema) == (0, pa.schema({"n": pa.int64(), "text": pa.string()}))


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-24 02:00:00.000 UTC", 2),
        ("2026-11-24 02:00:00.000 America/New_York", 7),
        ("2026-11-24 02:00:00.000 +01:30", 0),
        ("2026-11-24 02:00:00.000 -03:00", 5),
    ],
)
def test_moments_are_read_in_the_zone_they_are_written_in(text, hour):
    """A moment is the same whichever zone Athena writes it in."""
    column = {"Name": "at", "Type": "timestamp with time zone"}
    [found] = rows_of(f'"at"\n"{text}"\n'.encode(), [column])["at"].to_pylist()
    assert found.hour == hour


def test_columns_of_one_name_are_both_there():
    """Two columns that a query calls alike come back as two."""
    column = {"Name": "n", "Type": "integer"}
    assert [each.to_pylist() for each in rows_of(b'"n","n"\n"1","2"\n', [column, column]).columns] == [
        [1],
        [2],
    ]


def test_lists_are_refused():
    """What a CSV cannot tell apart is refused, with what to write instead."""
    with pytest.raises(UsageError, match="json_format"):
        rows_of(b'"a"\n"[x, y]"\n', [{"Name": "a", "Type": "array(varchar)"}])


def test_an_interrupt_stops_the_query(athena, server):
    """Who goes away while a query runs leaves none running."""

    def interrupted(_seconds):
        raise KeyboardInterrupt

    athena.wait = interrupted
    with pytest.raises(KeyboardInterrupt):
        athena.run("SELECT 1")
    assert server.script.stopped == [*server.script.queries]


def test_a_query_that_takes_too_long_is_stopped(athena, server):
    """A query is stopped at its deadline, and told as over its budget."""
    server.script.end = "never"
    server.script.states = ["RUNNING"]
    with pytest.raises(DeniedError) as raised:
        athena.run("SELECT 1", seconds=30)
    assert raised.value.code.slug == "budget-exceeded"
    assert server.script.stopped == [*server.script.queries]


def test_an_answer_that_is_lost_starts_no_second_query(athena, server):
    """Where AWS's answer to a start is lost, asking again finds the same query."""
    server.script.refusals = [("StartQueryExecution", None)]
    athena.run("SELECT 1")
    assert len(server.script.queries) == 1


def test_a_query_outlasts_that_aws_cannot_be_asked_for_a_while(athena, server):
    """That AWS does not tell of a query once is no reason to give it up."""
    server.script.refusals = [("GetQueryExecution", "InternalServerException")] * 2
    assert athena.run("SELECT 1").id
    assert server.script.stopped == []


def test_a_workgroup_that_leaves_the_place_open_is_refused(athena, server):
    """Answers are rows of patients: where their place and encryption are not enforced, nothing is asked."""
    assert athena.output() == "s3://answers/engineer"
    server.script.enforced = False
    with pytest.raises(OperatorError) as raised:
        athena.output()
    assert raised.value.code.slug == "aws-missing"


@pytest.mark.parametrize(
    ("said", "kind", "slug"),
    [
        ("SYNTAX_ERROR: line 1:8: mismatched input 'FORM'", UsageError, "engine-failed"),
        ("COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved", UsageError, "engine-failed"),
        ("INVALID_CAST_ARGUMENT: Cannot cast 'Jane Roe' to INT", DataError, "engine-failed"),
        ("Insufficient Lake Formation permission(s) on visit", DeniedError, "denied"),
        ("Bytes scanned limit was exceeded", DeniedError, "budget-exceeded"),
        ("HIVE_CANNOT_OPEN_SPLIT: Error opening Jane Roe", OperatorError, "engine-failed"),
        ("Query exhausted resources at this scale factor", OperatorError, "engine-failed"),
        ("GENERIC_INTERNAL_ERROR: Jane Roe", InternalError, "engine-failed"),
    ],
)
def test_failures_are_told_by_who_has_to_act(athena, server, said, kind, slug):
    """Why a query failed is an error of its asker, of the data or of the operator, without values of rows."""
    server.script.end = {"State": "FAILED", "StateChangeReason": said}
    with pytest.raises(kind) as raised:
        athena.run("SELECT 1")
    assert raised.value.code.slug == slug
    assert "Jane Roe" not in str(raised.value)


def test_models_that_athena_does_not_take_are_their_authors_business():
    """A model's statement that Athena does not understand is a fault of its contract."""
    status = {"State": "FAILED", "StateChangeReason": "FUNCTION_NOT_FOUND: line 1:8: Function 'f' not there"}
    found = failure(status, "query 1", "gold.visit")
    assert isinstance(found, ContractError)
    assert "gold.visit" in str(found)


def test_a_cancelled_query_is_told_as_such():
    """A query that somebody stopped in the console is no fault of its SQL."""
    assert isinstance(failure({"State": "CANCELLED"}, "query 1"), OperatorError)


def test_tables_are_those_of_the_deployment():
    """Tables are read from the databases of the deployment, under the names that the query has for them."""
    sql = "SELECT visit.id, c.name FROM gold.visit JOIN silver.clinic AS c ON c.id = gold.visit.clinic_id"
    assert deployed_sql(sql, NAMES, {"gold.visit": "views.gold__visit__analyst"}) == (
        'SELECT visit.id, c.name FROM "awsdatacatalog"."a360_staging_views"."gold__visit__analyst" '
        'AS "visit" JOIN "awsdatacatalog"."a360_staging_silver"."clinic" AS c ON c.id = visit.clinic_id'
    )


def test_names_of_a_query_stay_its_own():
    """What a query defines itself is no table of the deployment."""
    sql = "WITH visit AS (SELECT 1 AS id) SELECT id FROM visit"
    assert deployed_sql(sql, NAMES) == sql


def test_what_is_removed_is_gone(athena, server):
    """Everything under a place is deleted, and nothing beside it."""
    server.script.objects |= {"s3://answers/refine/a/1": b"x", "s3://answers/refine/ab": b"y"}
    athena.remove("s3://answers/refine/a")
    assert [*server.script.objects] == ["s3://answers/refine/ab"]
