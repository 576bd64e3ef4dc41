"""The log names the patients that an answer told of, where that can be known; nobody sees more for it."""

# ruff: noqa: E501 -- a statement a line

import json

import pyarrow as pa
import pytest
from guarded import ALL, CANARY, SEEN

from a360.trust.gateway._subjects import MOST_SUBJECTS, Subjects


def patients(*numbers):
    """The keys of patients in silver.patient."""
    return {f"KEY-{CANARY}-{number}" for number in numbers}


def last(lake):
    """The newest record of the log."""
    return json.loads(lake.records().splitlines()[-1])["event"]


@pytest.mark.parametrize(
    ("who", "sql", "wanted"),
    [
        (ALL, "SELECT * FROM silver.patient", patients(*range(6))),
        (ALL, "SELECT name FROM silver.patient WHERE visits = 1", patients(1)),
        (ALL, "SELECT name FROM silver.patient WHERE visits = 7", set()),
        (ALL, "SELECT upper(name) AS n FROM silver.patient p ORDER BY visits, name LIMIT 2", patients(0, 1)),
        (ALL, "SELECT name, visits + 1 FROM silver.patient ORDER BY ALL LIMIT 1 OFFSET 1", patients(1)),
        (ALL, "SELECT v.reason FROM silver.visit v JOIN silver.patient p ON p.visits = 2 AND v.visit_id = 'v1' WHERE true", {"p1", *patients(2)}),
        (ALL, "SELECT a.name FROM silver.patient a, silver.patient b WHERE a.visits = 0 AND b.visits = 1", patients(0, 1)),
        (SEEN, "SELECT reason FROM silver.visit WHERE visit_id IN ('v1', 'v2', 'v7')", {"p1", "p2"}),
        (SEEN, "SELECT * FROM silver.visit LIMIT 10", {"p0", "p1", "p2", "p3"}),
        (ALL, "SELECT salary FROM gold.payroll", set()),
        (ALL, "SELECT 'p1' AS \"a360 subject 0\", name FROM silver.patient WHERE visits = 1", patients(1)),
    ],
)  # fmt: skip
def test_who_is_told_of_is_on_record(lake, who, sql, wanted):
    """Pseudonyms of all patients whose rows the answer is made of, and of no other."""
    lake.ask(sql, who)
    event = last(lake)
    assert set(event.get("subjects", ())) == {lake.audit.subject(key) for key in wanted}
    assert "subjects" not in event["details"]


@pytest.mark.parametrize(
    ("who", "sql"),
    [
        (ALL, "SELECT count(*) FROM silver.patient"),
        (ALL, "SELECT clinic, max(name) FROM silver.patient GROUP BY clinic"),
        (ALL, "SELECT DISTINCT clinic FROM silver.patient WHERE visits < 3"),
        (ALL, "SELECT any_value(name) FROM silver.patient WHERE visits < 3"),
        (ALL, "SELECT max(name) OVER () FROM silver.patient WHERE visits < 3"),
        (ALL, "SELECT name FROM silver.patient WHERE visits IN (SELECT 1 FROM silver.visit)"),
        (ALL, "SELECT (SELECT max(reason) FROM silver.visit) FROM silver.patient WHERE visits = 1"),
        (ALL, "WITH p AS (FROM silver.patient) SELECT name FROM p WHERE visits = 1"),
        (ALL, "SELECT name FROM silver.patient WHERE visits = 1 UNION ALL SELECT reason FROM silver.visit"),
        (ALL, "SELECT name FROM silver.patient AS p(k, name) WHERE k IS NOT NULL"),
        (ALL, "SELECT name FROM silver.patient SEMI JOIN silver.visit ON visits = 1"),
        (ALL, "SELECT name FROM silver.patient"),
        (SEEN, "SELECT name FROM silver.patient WHERE visits = 1"),
    ],
)
def test_what_is_not_known_is_said(lake, who, sql):
    """Of what is computed out of several rows, and of who may not see the key in clear, nobody knows."""
    assert lake.ask(sql, who)
    event = last(lake)
    assert "subjects" not in event
    assert event["details"]["subjects"] == "unknown"


@pytest.mark.parametrize("who", [ALL, SEEN])
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM silver.visit WHERE clinic = 'north'",
        "SELECT reason, visit_id FROM silver.visit ORDER BY 2 LIMIT 3",
        "SELECT v.* EXCLUDE (patient_key) FROM silver.visit AS v WHERE v.visit_id > 'v1' ORDER BY ALL",
        "SELECT reason AS reason, reason FROM silver.visit WHERE visit_id = 'v1'",
        'SELECT "a360 subject 0" FROM (SELECT patient_key AS "a360 subject 0" FROM silver.visit) WHERE true',
    ],
)
def test_the_answer_is_the_same(lake, who, sql):
    """The columns that tell whose rows they are, are in no answer."""
    inner = lake.gateway.query(who, f"SELECT * FROM ({sql})", purpose="treatment").table()
    answer = lake.gateway.query(who, sql, purpose="treatment").table()
    assert answer.num_columns == inner.num_columns
    assert sorted(map(str, zip(*answer.columns, strict=True))) == sorted(
        map(str, zip(*inner.columns, strict=True))
    )
    assert "a360 subject 1" not in answer.column_names


def test_of_many_patients_only_that_is_on_record():
    """Over a bound the log says how many there are at least, and collects no more of them."""
    keys = pa.array([f"k{number}" for number in range(MOST_SUBJECTS + 1)] * 2)
    rows = pa.table({"n": pa.array(range(len(keys))), "key": keys})
    few = Subjects(["key"], 1, str.upper)
    assert few.taken_off(rows.slice(0, 3).to_reader()).read_all().column_names == ["n"]
    assert few.told() == (["K0", "K1", "K2"], {})
    many = Subjects(["key"], 1, str.upper)
    assert many.taken_off(rows.to_reader(max_chunksize=100)).read_all()["n"].equals(rows["n"])
    assert many.told() == ((), {"subjects": "more than 1000"})
