"""Masks show what their table in the documentation says, in the type that the column has."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
import sqlglot

from a360.contract import KEYED, mask_sql

TYPES = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "long": "BIGINT",
    "date": "DATE",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
}
OLDEST = date.today().year - 90  # noqa: DTZ011 - as the engine has it
CASES = [
    ("null", "string", "abc", None),
    ("null", "date", date(1980, 5, 6), None),
    ("redact", "string", "abc", "REDACTED"),
    ("last4", "string", "4111111111111234", "****1234"),
    ("last4", "string", "12345678", "****5678"),
    ("last4", "string", "1234567", "****"),
    ("last4", "string", "", "****"),
    ("zip3", "string", "94110-1234", "941"),
    ("zip3", "string", "03601", "000"),
    ("zip3", "string", "SW1A 1AA", None),
    ("zip3", "string", "94", None),
    ("year", "date", date(1980, 5, 6), date(1980, 1, 1)),
    ("year", "timestamptz", datetime(2024, 1, 1, 0, 30, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)),
    ("age_band", "int", 47, 40),
    ("age_band", "long", 97, 90),
    ("age_band", "int", 0, 0),
    ("age_band", "date", date(1987, 5, 6), date(1980, 1, 1)),
    ("age_band", "date", date(1901, 5, 6), date(OLDEST - OLDEST % 10, 1, 1)),
]


@pytest.fixture(scope="module")
def engine():
    """An engine in a zone far from UTC."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        yield connection


@pytest.mark.parametrize(("method", "type_", "value", "expected"), CASES)
def test_a_mask_shows_what_it_may(engine, method, type_, value, expected):
    """A value comes out masked, of its own type, and a missing one stays missing."""
    sql = mask_sql(method, "x", type_)
    of = f"(VALUES (1, $value::{TYPES[type_]}), (2, NULL)) AS t(n, x)"
    query = f"SELECT {sql} AS masked, typeof({sql}) AS type FROM {of} ORDER BY n"
    shown, missing = engine.execute(query, {"value": value}).to_arrow_table().to_pylist()
    assert (shown["masked"], missing["masked"]) == (expected, None)
    assert shown["type"] == TYPES[type_]


@pytest.mark.parametrize(("method", "type_"), sorted({case[:2] for case in CASES}))
def test_athena_can_read_a_mask(method, type_):
    """A mask in Trino's SQL is one expression of that dialect."""
    sql = mask_sql(method, '"x"', type_, "trino")
    assert sqlglot.parse_one(sql, dialect="trino")


@pytest.mark.parametrize("method", sorted(KEYED))
def test_keys_are_never_in_sql(method):
    """A mask with a key is not written in SQL at all."""
    with pytest.raises(ValueError, match=method):
        mask_sql(method, "x", "string")


def test_the_page_lists_every_mask():
    """The documentation has a row for each method, from what tells least to what tells most."""
    page = (Path(__file__).resolve().parents[3] / "docs/policy.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert listed == ["null", "redact", "hash", "age_band", "year", "zip3", "last4", "date_shift"]
