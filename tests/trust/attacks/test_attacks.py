"""What a restricted principal may send without seeing a hidden row, column, table, value or file."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from attack_table import ATTACKS, CLAUSES, RESOURCES
from guarded import ALL, CANARY, NONE, SECRET_NUMBER

from a360.errors import A360Error, DataError, DeniedError, UsageError

# Hidden numbers as they are, rounded, or added up.
_NUMBERS = re.compile(str(SECRET_NUMBER)[:6])
_OWN = re.compile(r"[\w-]*CANARY[\w.-]*|9876543\d*")


def shown(text):
    """Whether a text holds what only hidden data holds."""
    return CANARY in text or _NUMBERS.search(text) is not None


def told_of(error):
    """An error in all its forms."""
    return f"{error} {json.dumps(error.to_json())} {json.dumps(error.to_problem())}"


@pytest.fixture(scope="session")
def send(lake):
    """What comes of an attack, as text: the values of the answer and its columns' names, or the error."""

    def try_it(sql):
        text = sql.replace("{file}", str(lake.folder / f"{CANARY}.txt")).replace("{old}", lake.old_snapshot)
        values = told = ""
        try:
            answer = lake.gateway.query(lake.restricted, text, purpose="treatment").table()
            values = json.dumps([column.to_pylist() for column in answer.columns], default=str)
            told = " ".join(answer.column_names)
        except A360Error as error:
            told = told_of(error)
        # Messages and names of columns hold what they wrote themselves, which tells nobody anything.
        for word in sorted(set(_OWN.findall(text)), key=len, reverse=True):
            told = told.replace(word, "")
        return values + told

    return try_it


def test_there_are_enough_distinct_attacks():
    """At least 150 texts, no two alike, over every class and clause."""
    assert len({sql for _, sql in ATTACKS}) == len(ATTACKS) >= 150
    assert len(CLAUSES) >= 20


@pytest.mark.parametrize(("name", "sql"), ATTACKS, ids=[name for name, _ in ATTACKS])
def test_no_attack_shows_what_is_hidden(send, name, sql):
    """It is denied, or answered without a value that only hidden rows, columns, tables or files hold."""
    assert not shown(send(sql))


def test_the_canaries_are_there_to_be_seen(lake):
    """Who may see everything sees them: the attacks fail on the gateway and not on an empty lake."""
    seen = json.dumps(lake.ask("SELECT * FROM silver.patient", ALL), default=str)
    seen += json.dumps(lake.ask("SELECT * FROM gold.payroll", ALL), default=str)
    assert CANARY in seen
    assert _NUMBERS.search(seen)


def test_no_attack_reaches_the_log(lake, send):
    """Texts and errors of attacks leave no value in the audit log, and each attack is on record."""
    before = lake.records().count('"action":"query"')
    send(f"SELECT '{CANARY}' AS {CANARY} FROM gold.payroll WHERE person = '{CANARY}-x' -- {CANARY}")
    assert lake.records().count('"action":"query"') == before + 1
    assert not shown(lake.records())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT {} FROM silver.patient",
        "SELECT p.{} FROM silver.patient p",
        "SELECT name FROM silver.patient ORDER BY {}",
        "SELECT name FROM silver.patient WHERE {} = 'x'",
        "SELECT count(*) FROM silver.patient GROUP BY {}",
        "SELECT * EXCLUDE ({}) FROM silver.patient",
        "SELECT * REPLACE (1 AS {}) FROM silver.patient",
        "SELECT a.name FROM silver.patient a JOIN silver.patient b USING ({})",
        "SELECT max({}) FROM silver.patient",
        "SELECT (SELECT {}) FROM silver.patient",
    ],
)
def test_a_hidden_column_fails_like_one_that_is_not_there(lake, sql):
    """Nothing in the failure tells which of the two it was."""
    told = []
    for name in ("ssn", "xyz"):
        with pytest.raises(UsageError) as failure:
            lake.ask(sql.format(name))
        told.append(told_of(failure.value).replace(name, "…"))
    assert told[0] == told[1]


def test_a_hidden_table_fails_like_one_that_is_not_there(lake):
    """Nothing in the failure tells which of the two it was."""
    told = []
    for name in ("payroll", "nothing"):
        with pytest.raises(DeniedError) as failure:
            lake.ask(f"SELECT * FROM gold.{name}")
        told.append(told_of(failure.value).replace(name, "…"))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CASE WHEN clinic LIKE '%south' THEN CAST(name AS INTEGER) ELSE 1 END FROM silver.patient",
        "SELECT 10 // (visits - 987654321) FROM silver.patient",
        "SELECT CAST(visits AS TINYINT) FROM silver.patient",
        "SELECT visits * 9000000000 FROM silver.patient",
        "SELECT CAST(substr(name, 5) AS INTEGER) FROM silver.patient",
        "SELECT name FROM silver.patient WHERE CAST(visits AS TINYINT) >= 0",
        "SELECT name FROM silver.patient WHERE clinic = 'north' AND CAST(visits AS TINYINT) >= 0",
        "SELECT name FROM silver.patient ORDER BY CAST(visits AS TINYINT)",
        "SELECT name FROM silver.patient GROUP BY name HAVING max(CAST(visits AS TINYINT)) >= 0",
        "SELECT repeat('x', CAST(visits AS TINYINT)) FROM silver.patient",
    ],
)
def test_no_error_tells_of_a_hidden_row(lake, sql):
    """What fails on hidden rows alone does not fail."""
    assert len(lake.ask(sql)) == 3


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(visits * 9999999999) AS s FROM silver.patient",
        "SELECT max(visits * visits * visits) AS s FROM silver.patient",
        "SELECT clinic, avg(9223372036000000000 + visits) AS s FROM silver.patient GROUP BY clinic",
        "SELECT count(DISTINCT -9223372036000000000 - visits) AS s FROM silver.patient WHERE score >= 0",
    ],
)
def test_no_aggregate_tells_of_a_hidden_row(lake, sql):
    """Arithmetic that hidden rows alone would make fail does not fail, wherever it is computed."""
    with pytest.raises(DataError):
        lake.ask(sql, ALL)
    assert len(lake.ask(sql)) == 1


def test_no_time_tells_of_a_hidden_row_or_value(lake):
    """Work that a query wants done where a guess is right is not done for hidden rows or masked values."""

    def seconds(guess):
        dear = f"CASE WHEN {guess} THEN list_sum(range(visits, 10000000)) > 0 ELSE true END"
        began = time.perf_counter()
        assert lake.ask(f"SELECT count(*) AS n FROM silver.patient WHERE {dear}") == [{"n": 3}]
        return time.perf_counter() - began

    right = seconds("name LIKE 'Ann%'")
    for guess in (
        f"name LIKE '{CANARY}%'",
        f"visits = {SECRET_NUMBER}",
        "birth_date = DATE '1980-03-17'",
        "zip = '60620'",
    ):
        assert any(seconds(guess) < right / 2 for _ in range(3))


@pytest.mark.parametrize("sql", RESOURCES.values(), ids=RESOURCES)
def test_what_wants_too_much_ends_at_its_budget(lake, sql):
    """In time, with the worker gone, and with an error that says what was too much or too long."""
    began = time.monotonic()
    with pytest.raises(A360Error) as failure:
        lake.ask(sql, NONE)
    assert failure.value.code.slug in {"budget-exceeded", "engine-failed", "usage"}
    assert time.monotonic() - began < 15


def test_a_flood_is_turned_away_and_others_are_answered(lake):
    """Of a thousand queries at once a few run, few wait, and another principal waits for none of them."""
    outcomes, threads = [], threading.active_count()

    def flood(_):
        try:
            lake.ask(
                "SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range + b.range = 7", NONE
            )
        except A360Error as error:
            outcomes.append(error.code.slug)

    with ThreadPoolExecutor(1000) as pool:
        for number in range(1000):
            pool.submit(flood, number)
        assert lake.ask("SELECT count(*) AS n FROM silver.patient") == [{"n": 3}]
    assert len(outcomes) == 1000
    assert set(outcomes) == {"budget-exceeded"}
    assert threading.active_count() < threads + 50
