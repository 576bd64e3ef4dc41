"""Lexical FHIR values as contract types: DuckDB against slow, obvious Python."""

import base64
import binascii
import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from a360.errors import UsageError
from a360.fhir import cast_sql

DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"[+-]?(0|[1-9]\d*)", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cast(values, physical_type, zone="America/New_York"):
    """The values cast by DuckDB, in a session whose own time zone must not matter."""
    with duckdb.connect() as session:
        session.execute(f"SET TimeZone = '{zone}'")
        session.register("raw", pa.table({"x": pa.array(values, pa.string())}))
        column = cast_sql("x", physical_type)
        if physical_type == "timestamptz":
            column = f"epoch_us({column})"
        return [row[0] for row in session.sql(f"SELECT {column} FROM raw").fetchall()]


def day_oracle(text):
    """The first day of a date or a part of one."""
    found = DATE.fullmatch(text)
    if not found:
        return None
    try:
        return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None


def date_oracle(text):
    """The day of a date, of a part of one, or of a date-time as written."""
    if "T" not in text:
        return day_oracle(text)
    head, _, rest = text.partition("T")
    whole = text if INSTANT.fullmatch(text) else f"{head}T{rest}Z"
    return day_oracle(head) if instant_oracle(whole) is not None else None


def instant_oracle(text):
    """Microseconds since 1970, UTC."""
    if day_oracle(text):
        return int(
            (datetime.combine(day_oracle(text), datetime.min.time(), UTC) - EPOCH) / timedelta(microseconds=1)
        )
    found = INSTANT.fullmatch(text)
    if not found:
        return None
    try:
        local = datetime(*(int(found[n]) for n in range(1, 6)), int(found[6] or 0), tzinfo=UTC)
    except ValueError:
        return None
    hours, minutes = int(found[9] or 0), int(found[10] or 0)
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        return None
    shift = (hours * 60 + minutes) * (-1 if found[8] == "-" else 1)
    seconds = (local - EPOCH) // timedelta(seconds=1) - shift * 60
    return seconds * 1_000_000 + int((found[7] or "0")[:6].ljust(6, "0"))


def decimal_oracle(text, precision, scale):
    """The number rounded half away from zero, if it fits."""
    if not NUMBER.fullmatch(text):
        return None
    if Decimal(text) and Decimal(text).adjusted() > precision:
        return None
    with localcontext(prec=400):
        rounded = Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
        return rounded if abs(rounded) < Decimal(10) ** (precision - scale) else None


def whole_oracle(text, bits):
    """The whole number, if it fits."""
    if not WHOLE.fullmatch(text):
        return None
    value = int(text)
    return value if -(2 ** (bits - 1)) <= value < 2 ** (bits - 1) else None


def double_oracle(text):
    """The nearest double, if it is finite."""
    if not NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def binary_oracle(text):
    """The bytes of base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


two = st.integers(0, 99).map("{:02d}".format)
years = st.one_of(st.integers(0, 9999), st.integers(1900, 2030)).map("{:04d}".format)
months = st.one_of(two, st.integers(1, 12).map("{:02d}".format))
days = st.one_of(two, st.integers(1, 31).map("{:02d}".format))
dates = st.one_of(
    years,
    st.builds("{}-{}".format, years, months),
    st.builds("{}-{}-{}".format, years, months, days),
    st.dates(date(1, 1, 2)).map(str),
)
fractions = st.one_of(st.just(""), st.text("0123456789", min_size=1, max_size=12).map(".{}".format))
clocks = st.one_of(
    st.builds(
        "{:02d}:{:02d}:{:02d}{}".format, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), fractions
    ),
    st.builds(
        "{:02d}:{:02d}:{:02d}{}".format, st.integers(0, 25), st.integers(0, 61), st.integers(0, 61), fractions
    ),
    st.builds("{:02d}:{:02d}".format, st.integers(0, 24), st.integers(0, 60)),
)
offsets = st.one_of(
    st.sampled_from(["Z", "", "+00:00", "-12:00", "+14:00", "+14:01", "+15:00", "z"]),
    st.builds("{}{:02d}:{:02d}".format, st.sampled_from("+-"), st.integers(0, 13), st.integers(0, 59)),
)
instants = st.builds("{}T{}{}".format, dates, clocks, offsets)
garbage = st.text("0123456789-T:.+Ze /", max_size=24)
times = st.one_of(dates, instants, garbage)

mantissas = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.integers(0, 10**12).map(str),
    st.one_of(st.just(""), st.text("0123456789", min_size=1, max_size=9).map(".{}".format)),
)
numbers = st.one_of(
    mantissas,
    st.builds("{}{}{}".format, mantissas, st.sampled_from("eE"), st.integers(-30, 30)),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30).map(repr),
    st.text("0123456789+-.eE ", max_size=12),
)
wholes = st.one_of(st.integers(-(2**65), 2**65).map(str), st.text("0123456789+-.", max_size=12))


@settings(max_examples=30, deadline=None)
@given(st.lists(times, max_size=200))
@example(
    [
        "2024-02-29",
        "2023-02-29",
        "0000",
        "2024-02-29T24:00:00Z",
        "2024-06-30T23:59:60Z",
        "2024-01-01T10:00:00",
    ]
)
def test_dates_agree_with_python(values):
    """A date is the first day of what is known of it, and NULL if it is none."""
    assert cast(values, "date") == [date_oracle(value) for value in values]


@settings(max_examples=30, deadline=None)
@given(st.lists(times, max_size=200))
@example(
    ["2024", "2024-02", "2024-01-01T10:00:00.1234567+02:00", "2024-01-01T10:00Z", "0001-01-01T00:00:00+14:00"]
)
def test_instants_agree_with_python(values):
    """An instant keeps offset and microseconds whatever the session's time zone; garbage is NULL."""
    assert cast(values, "timestamptz") == [instant_oracle(value) for value in values]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(numbers, max_size=200), st.sampled_from([(38, 9), (18, 4), (10, 2), (5, 0), (38, 0), (12, 12)])
)
@example(["1.005", "-1.005", "1e2", "1E-07", "nan", "inf", "99999999.995", "1e999999999"], (10, 2))
def test_decimals_agree_with_python(values, size):
    """A decimal is rounded half away from zero, and NULL if it does not fit."""
    assert cast(values, f"decimal({size[0]},{size[1]})") == [decimal_oracle(value, *size) for value in values]


@settings(max_examples=20, deadline=None)
@given(st.lists(wholes, max_size=200))
@example(["2147483647", "2147483648", "1.5", "1e2", "007", "+5", "-0"])
def test_whole_numbers_agree_with_python(values):
    """A whole number is exact or NULL: never rounded, never wrapped."""
    assert cast(values, "int") == [whole_oracle(value, 32) for value in values]
    assert cast(values, "long") == [whole_oracle(value, 64) for value in values]


@settings(max_examples=20, deadline=None)
@given(st.lists(numbers, max_size=200))
@example(["1e400", "-1.5e3", "inf", "nan"])
def test_doubles_agree_with_python(values):
    """A double is the nearest finite one."""
    assert cast(values, "double") == [double_oracle(value) for value in values]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=12).map(lambda b: base64.b64encode(b).decode()), garbage), max_size=50
    )
)
def test_binaries_agree_with_python(values):
    """A binary is the bytes of its base64."""
    assert cast(values, "binary") == [binary_oracle(value) for value in values]


def test_booleans_are_the_two_words_of_json():
    """Only true and false are booleans, as text or as BOOLEAN."""
    assert cast(["true", "false", "TRUE", "1", "", None], "boolean") == [True, False, None, None, None, None]
    with duckdb.connect() as session:
        assert session.sql(f"SELECT {cast_sql('x', 'boolean')} FROM (SELECT TRUE AS x)").fetchone() == (True,)


def test_null_stays_null():
    """A missing value is NULL in every type."""
    for kind in (
        "string",
        "boolean",
        "int",
        "long",
        "double",
        "decimal(10,2)",
        "date",
        "timestamptz",
        "binary",
    ):
        assert cast([None], kind) == [None], kind


@pytest.mark.parametrize(
    "kind", ["text", "decimal(39,2)", "decimal(5,6)", "decimal(0,0)", "int; DROP TABLE x"]
)
def test_other_types_are_refused(kind):
    """A type that contracts do not have is a usage error, not SQL."""
    with pytest.raises(UsageError):
        cast_sql("x", kind)
