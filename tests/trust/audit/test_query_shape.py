"""What of a query's text gets on record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.trust.audit import query_shape

KNOWN = {"gold.patient_360", "patient_key", "birth_date", "name"}
CANARIES = ("Zebulon", "QX7731", "zebulon")
QUERIES = (
    "SELECT name FROM gold.patient_360 WHERE name = 'Zebulon'",
    'SELECT name AS "Zebulon" FROM gold.patient_360',
    'SELECT * FROM gold.patient_360 WHERE name = "Zebulon QX7731"',
    "SELECT 1 -- Zebulon\n",
    "SELECT /* QX7731 */ 1 FROM gold.patient_360 /*+ Zebulon */",
    "SELECT zebulon.name FROM gold.patient_360 AS zebulon",
    "WITH zebulon AS (SELECT 1) SELECT * FROM zebulon",
    "SELECT zebulon(name, QX7731) FROM gold.zebulon",
    "SELECT $$Zebulon$$, $tag$QX7731$tag$, E'Zebulon', x'QX7731', 'a''Zebulon'",
    "SELECT 'Zebulon",
    "find the patient Zebulon, number QX7731!",
    "SELECT $zebulon, :zebulon, ?, @zebulon, {'zebulon': 1}",
    "SELECT CAST(name AS zebulon), INTERVAL 3 zebulon, name COLLATE zebulon",
    "SELECT name.zebulon, name::STRUCT(zebulon INT) FROM gold.patient_360",
    "ATTACH 'Zebulon.db' AS zebulon; SET zebulon = 'QX7731'",
    "SELECT U&'Zebulon', N'Zebulon', r'Zebulon', b'Zebulon', `Zebulon`, [Zebulon]",
    "\ufeffSELECT 'Zebulon' \x00 QX7731",
)


@pytest.mark.parametrize("sql", QUERIES)
def test_nothing_that_was_typed_is_kept(sql):
    """No literal, comment, alias, unknown name or half a statement leaves a word of it in the shape."""
    shape = query_shape(sql, KNOWN)
    assert not [canary for canary in CANARIES if canary.lower() in shape.lower()]


@given(st.text())
def test_any_text_has_a_shape_of_known_words(text):
    """Any text at all has a shape, and a canary in it is gone."""
    assert "zebulon" not in query_shape(f"{text} Zebulon {text}", KNOWN).lower()


def test_the_shape_tells_what_was_asked():
    """Keywords, functions, operators and the names of contracts stay, in their order."""
    sql = "SELECT count(*) FILTER (birth_date > DATE '2001-02-03') "
    sql += "FROM gold.patient_360 WHERE name IN ('a', 'b')"
    assert query_shape(sql, KNOWN) == (
        "select count ( * ) filter ( birth_date > date ? ) from gold . patient_360 where name in ( ?, … )"
    )


def test_long_queries_are_cut():
    """A query of megabytes leaves a short shape."""
    assert len(query_shape("SELECT " + "+".join(["count(name)"] * 20_000), KNOWN)) <= 8001
