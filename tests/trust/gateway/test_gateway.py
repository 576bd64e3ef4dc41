"""What the gateway answers: the policy's rows, columns and masks, whatever way the query runs."""

# ruff: noqa: E501 -- a statement a line

import io
import json
import threading
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from guarded import ALL, SEEN, guarded

from a360.contract import BudgetPlan
from a360.errors import A360Error, DataError, DeniedError, OperatorError, UsageError
from a360.trust.gateway import write_arrow, write_csv, write_json

# What the restricted principal sees in clear of silver.patient, written down by hand.
CLEAR = pa.table(
    {
        "name": ["Ann 0", "Ann 1", "Ann 2"],
        "clinic": ["north"] * 3,
        "zip": ["606"] * 3,
        "birth_date": [date(1980 + number, 1, 1) for number in range(3)],
        "visits": [0, 1, 2],
        "score": [0, 1, 2],
    }
)
QUERIES = [
    "SELECT count(*) FROM silver.patient",
    "SELECT count(*) AS n, sum(visits) AS s, min(name), max(birth_date) FROM silver.patient",
    "SELECT clinic, count(DISTINCT name) FROM silver.patient GROUP BY clinic",
    "SELECT score, avg(visits) FROM silver.patient WHERE visits BETWEEN 1 AND 2 GROUP BY ALL ORDER BY 1 DESC",
    "SELECT score s, count(*) n FROM silver.patient WHERE name IN ('Ann 1', 'Ann 2') GROUP BY 1 ORDER BY s LIMIT 1",
    "SELECT count(*) FROM silver.patient WHERE birth_date >= '1981-01-01'",
    "SELECT count(*) FROM silver.patient WHERE birth_date = DATE '1981-03-17'",
    "SELECT count(*) FROM silver.patient WHERE 1 <= visits AND name IS NOT NULL",
    "SELECT count(*) FROM silver.patient WHERE name = 'no''body'",
    "SELECT name FROM silver.patient WHERE visits > 0 ORDER BY name",
    "SELECT name, visits + 1 FROM silver.patient WHERE score <> 1 ORDER BY ALL",
    "SELECT p.name FROM silver.patient AS p WHERE p.visits < 2 ORDER BY p.name",
    "SELECT a.name FROM silver.patient a JOIN silver.patient b ON a.visits < b.visits WHERE b.score = 2 ORDER BY 1",
    "SELECT a.name FROM silver.patient a LEFT JOIN silver.patient b ON a.visits < b.visits WHERE b.name IS NULL",
    "SELECT sum(visits * (score - 1)), avg(-visits / 2), count(DISTINCT visits + score) FROM silver.patient",
    "SELECT clinic, max(1.5 * visits) AS m, sum(visits * 10000000000) AS s FROM silver.patient GROUP BY clinic",
    "SELECT zip, max(visits) FROM silver.patient GROUP BY zip",
    "SELECT name FROM silver.patient QUALIFY row_number() OVER (ORDER BY visits DESC) = 1",
    "WITH p AS (FROM silver.patient) SELECT max(name) FROM p WHERE visits < 2",
    "SELECT list(name ORDER BY visits) AS names FROM silver.patient",
    "SELECT COLUMNS('^(name|score)$') FROM silver.patient ORDER BY 1",
    "SELECT max(score) OVER (PARTITION BY clinic) FROM silver.patient",
    "SELECT count(*) FILTER (WHERE visits > 0) FROM silver.patient",
    "SELECT sum(visits) FROM silver.patient HAVING count(*) > 5",
    "SELECT name AS score, score AS name FROM silver.patient WHERE score = 1",
    "SELECT score AS visits, count(*) FROM silver.patient GROUP BY score ORDER BY visits",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_an_answer_is_that_of_a_table_of_what_may_be_seen(lake, sql):
    """Computed where the tables are or in a worker, with conditions handed down or not: names and values."""
    with duckdb.connect() as bare:
        bare.execute("CREATE SCHEMA silver")
        bare.register("clear", CLEAR)
        bare.execute("CREATE TABLE silver.patient AS FROM clear")
        wanted = bare.execute(sql).to_arrow_table()
    answer = lake.gateway.query(SEEN, sql).table()
    assert answer.column_names == wanted.column_names
    assert answer.to_pylist() == wanted.to_pylist()


def test_what_is_computed_without_a_worker_fails_on_no_hidden_row(lake, monkeypatch):
    """Arithmetic that only hidden rows do not fit is added up; what a row that shows does not fit, a worker tells."""
    asked, taken = [], lake.gateway._workers.take

    def take():
        asked.append(1)
        return taken()

    monkeypatch.setattr(lake.gateway._workers, "take", take)
    sql = "SELECT sum(visits * {}) AS s FROM silver.patient"
    with pytest.raises(DataError):
        lake.ask(sql.format(9_999_999_999), ALL)
    assert lake.ask(sql.format(9_999_999_999)) == [{"s": 3 * 9_999_999_999}]
    assert asked == []
    with pytest.raises(DataError) as failure:
        lake.ask(sql.format(9_000_000_000_000_000_000))
    assert asked == [1]
    assert "withheld" in str(failure.value)


def test_masks_with_a_key_are_made_of_the_values(lake):
    """Tokens tell values apart without telling them; dates of a patient move by the same days, into the past."""
    rows = lake.ask("SELECT patient_key, seen_at FROM silver.patient ORDER BY name")
    assert len({row["patient_key"] for row in rows}) == 3
    assert all(len(row["patient_key"]) == 32 for row in rows)
    moved = [datetime(2026, 1, 1 + n, 12, tzinfo=UTC) - row["seen_at"] for n, row in enumerate(rows)]
    assert all(1 <= by.days <= 365 and by.seconds == 0 for by in moved)
    assert lake.ask("SELECT patient_key, seen_at FROM silver.patient ORDER BY name") == rows


def test_who_may_see_everything_sees_it(lake):
    """Nothing is filtered or masked."""
    assert lake.ask("SELECT count(*) AS n, sum(balance) AS b FROM silver.patient", ALL) == [
        {"n": 6, "b": Decimal(6 * 987_654_321 + 15)}
    ]


@pytest.mark.parametrize("principal", [SEEN, ALL], ids=["restricted", "unrestricted"])
def test_old_snapshots_are_read_under_the_policy_of_now(lake, principal):
    """By a moment beside the query, or by AT in it."""
    sql = "SELECT max(name) AS name FROM silver.patient"
    beside = lake.ask(sql, principal, at=lake.old_snapshot)
    within = lake.ask(f"{sql} AT (VERSION => {lake.old_snapshot})", principal)
    assert beside == within == [{"name": "Ann 2" if principal is SEEN else "CANARY-name-4"}]


def test_two_moments_of_a_table_are_two_tables(lake):
    """Each is read at its own moment in one query."""
    sql = (
        f"SELECT count(*) AS n FROM silver.patient AT (VERSION => {lake.old_snapshot}) a "
        "FULL JOIN silver.patient b ON a.name || 'x' = b.name"
    )
    assert lake.ask(sql) == [{"n": 6}]
    assert lake.ask(sql, ALL) == [{"n": 11}]


def test_an_answer_comes_as_a_stream(lake):
    """Rows are read as they are asked for, by whatever reads Arrow streams."""
    with lake.gateway.query(SEEN, "SELECT range AS n FROM range(300000)") as answer:
        first = answer.reader.read_next_batch()
        rest = duckdb.from_arrow(answer.reader).aggregate("count(*)").fetchone()[0]
    assert first.num_rows + rest == 300_000


def test_the_decision_is_on_record_before_the_answer_and_its_size_after(lake):
    """Both records are of one request, with tables, columns and rules, and without the query's constants."""
    answer = lake.gateway.query(SEEN, "SELECT name FROM silver.patient WHERE clinic = 'north'")
    mine = [line for line in lake.records().splitlines() if answer.request in line]
    assert len(mine) == 1
    assert '"silver.patient.name"' in mine[0]
    assert "'north'" not in mine[0]
    answer.table()
    mine = [line for line in lake.records().splitlines() if answer.request in line]
    assert len(mine) == 2
    assert '"rows":3' in mine[1]


@pytest.mark.parametrize("sql", ["SELECT name FROM silver.patient", "SELECT count(*) FROM silver.patient"])
def test_without_a_record_there_is_no_answer(lake, monkeypatch, sql):
    """A log that cannot be written stops the query before anything is read."""

    def broken(_):
        raise OperatorError("storage-full", "The log cannot be written")

    monkeypatch.setattr(lake.audit, "record", broken)
    read = []
    monkeypatch.setattr(lake.gateway, "_rows", lambda *_: read.append(1))
    with pytest.raises(OperatorError):
        lake.ask(sql)
    assert read == []


def test_a_query_can_be_cancelled(lake):
    """From another thread, while it computes."""
    answer = lake.gateway.query(SEEN, "SELECT range FROM range(100000000000)")
    threading.Timer(0.2, answer.cancel).start()
    began = time.monotonic()
    with pytest.raises(DeniedError, match="cancelled"):
        answer.table()
    assert time.monotonic() - began < 10


def test_answers_end_at_their_bounds(tmp_path):
    """Rows, bytes and scanned bytes; of several roles the most generous counts."""
    small = {
        "clinician": BudgetPlan(result_rows=2, scanned_bytes=1_000_000),
        "engineer": BudgetPlan(scanned_bytes=10),
    }
    with guarded(tmp_path, budgets=small) as lake:
        with pytest.raises(DeniedError, match="too many rows"):
            lake.ask("SELECT * FROM silver.patient")
        assert len(lake.ask("SELECT * FROM silver.patient LIMIT 2")) == 2
        with pytest.raises(DeniedError, match="reads tables of"):
            lake.ask("SELECT count(*) FROM silver.patient", ALL)


def test_a_session_that_failed_serves_the_next_query(lake):
    """Whatever a query ended in, the ones after it are answered."""
    for _ in range(4):
        with pytest.raises(A360Error):
            lake.ask("SELECT nope FROM silver.patient", ALL)
        with pytest.raises(UsageError):
            lake.ask("SELECT nope FROM silver.patient")
    assert lake.ask("SELECT count(*) AS n FROM silver.patient", ALL) == [{"n": 6}]
    assert lake.ask("SELECT count(*) AS n FROM silver.patient") == [{"n": 3}]


def test_answers_are_written_as_they_are_read(lake):
    """As CSV without formulas, as JSON and as Arrow; an empty answer has its columns still."""
    sql = "SELECT '=1+1' AS \"+f\", name, [score] AS l FROM silver.patient WHERE score < {} ORDER BY name"
    written = {}
    for write, least in ((write_csv, 2), (write_json, 2), (write_arrow, 2), (write_csv, -1)):
        with io.BytesIO() as stream, lake.gateway.query(SEEN, sql.format(least)) as answer:
            write(answer.reader, stream)
            written[write, least] = stream.getvalue()
    assert (
        written[write_csv, 2].decode()
        == '"\'+f","name","l"\n"\'=1+1","Ann 0","[0]"\n"\'=1+1","Ann 1","[1]"\n'
    )
    assert json.loads(written[write_json, 2])[1] == {"+f": "=1+1", "name": "Ann 1", "l": [1]}
    assert pa.ipc.open_stream(written[write_arrow, 2]).read_all().num_rows == 2
    assert written[write_csv, -1].decode() == '"\'+f","name","l"\n'
