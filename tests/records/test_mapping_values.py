"""The mapping of records: what texts are read as, held against Python's own readers."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import FieldPlan, RecordPlan, RecordReferencePlan
from a360.fhir import cast_sql, reference_parts_sql
from a360.records import MISSHAPEN, UNREAD, compile_mapping


@cache
def _session() -> duckdb.DuckDBPyConnection:
    session = duckdb.connect()
    session.execute("SET TimeZone = 'UTC'")
    return session


def field(type_: str, *formats: str, **more) -> FieldPlan:
    """A field `x` of a type."""
    return FieldPlan("x", type_, ("x",), formats=formats, **more)


def record(*fields: FieldPlan, **more) -> RecordPlan:
    """A record of these fields."""
    return RecordPlan("thing", "thing_id", fields, **more)


def lexical(plan: RecordPlan, payloads: Sequence[object]) -> list[dict]:
    """What a mapping makes of payloads, in their order."""
    rows = pa.table(
        {
            "row_id": pa.array(range(len(payloads)), pa.int64()),
            "unit_source": pa.repeat("clinic", len(payloads)),
            "payload": pa.array([json.dumps(each) + "\n" for each in payloads], pa.large_string()),
        }
    )
    session = _session()
    session.register("rows_of_test", rows)
    sql = compile_mapping(plan, source="rows_of_test", carry=("row_id", "unit_source")).sql
    return session.execute(f"SELECT * FROM ({sql}) ORDER BY row_id").to_arrow_table().to_pylist()


def read(plan: RecordPlan, texts: Sequence[object]) -> list:
    """What the column `x` holds of texts in the end; `UNREAD` where a row would be refused."""
    found = lexical(plan, [{"x": text} for text in texts])
    type_ = plan.fields[0].type
    values = pa.table({"x": pa.array([row["x"] for row in found], pa.string())})
    session = _session()
    session.register("values_of_test", values)
    cast = session.execute(f"SELECT {cast_sql('x', type_)} AS x FROM values_of_test").to_arrow_table()["x"]
    return [
        UNREAD if text["x"] is not None and value is None else value
        for text, value in zip(found, cast.to_pylist(), strict=True)
    ]


DATE_FORMATS = {
    "dd/MM/yyyy": "%d/%m/%Y",
    "MM-dd-yyyy": "%m-%d-%Y",
    "yyyyMMdd": "%Y%m%d",
    "d MMM yyyy": "%d %b %Y",
    "MMMM d, yyyy": "%B %d, %Y",
    "dd.MM.yy": "%d.%m.%y",
    "M/d/yyyy": "%m/%d/%Y",
}
DATES = st.dates(date(1000, 1, 1), date(9999, 12, 31))
# Texts that are nearly dates: a date whose digits may have been changed.
NEARLY = st.text(alphabet="0123456789/-. JanFeb,", max_size=14)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(DATE_FORMATS)), st.lists(DATES, min_size=1, max_size=20))
def test_dates_are_read_as_they_were_written(pattern, days):
    """A date written by Python in a format is read as that date."""
    texts = [day.strftime(DATE_FORMATS[pattern]) for day in days]
    expected = [datetime.strptime(text, DATE_FORMATS[pattern]).replace(tzinfo=UTC).date() for text in texts]
    assert read(record(field("date", pattern)), texts) == expected


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["dd/MM/yyyy", "dd.MM.yy", "yyyyMMdd", "MM-dd-yyyy"]),
    st.lists(st.one_of(NEARLY, DATES.map(lambda day: day.strftime("%d/%m/%Y"))), min_size=1, max_size=20),
)
def test_what_is_no_date_is_refused_never_another_date(pattern, texts):
    """A text that Python's reader refuses is refused; one that is read is read as Python reads it."""
    known = [text for text in texts if text.strip()]
    for text, found in zip(known, read(record(field("date", pattern)), known), strict=True):
        try:
            expected = datetime.strptime(text.strip(), DATE_FORMATS[pattern]).replace(tzinfo=UTC).date()
        except ValueError:
            assert found == UNREAD, text
        else:
            # Python also takes one digit where a pattern says two.
            assert found in (expected, UNREAD), text
            if re.fullmatch(r"\d{2}\D\d{2}\D(\d{2}|\d{4})|\d{8}", text.strip()):
                assert found == expected


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("dd/MM/yyyy", "31/02/2024"),
        ("dd/MM/yyyy", "29/02/2023"),
        ("dd/MM/yyyy", "2024-01-05"),
        ("dd/MM/yyyy", "05/01/24"),
        ("dd/MM/yyyy", "5/1/2024"),
        ("dd/MM/yyyy", "05/01/2024 10:00"),
        ("dd/MM/yyyy", "2024"),
        ("dd/MM/yyyy", "00/01/2024"),
        ("dd/MM/yyyy", "05/01/0000"),
        ("MMM d yyyy", "Janvier 5 2024"),
    ],
)
def test_a_text_of_another_form_is_no_date(pattern, text):
    """What the declared format does not read is refused, though ISO 8601 or a guess would read it."""
    assert read(record(field("date", pattern)), [text]) == [UNREAD]


def test_without_a_format_dates_are_iso():
    """ISO 8601 is read, whole days only: a time beside it would be lost, a month has no day."""
    texts = ["2024-01-05", " 2024-01-05 ", "2024-01", "2024-01-05T10:00", "05/01/2024", "2024-02-30"]
    day = date(2024, 1, 5)
    assert read(record(field("date")), texts) == [day, day, UNREAD, UNREAD, UNREAD, UNREAD]


def test_two_digits_of_a_year_are_read_by_the_documented_pivot():
    """00 to 68 are of the 21st century, 69 to 99 of the 20th, as Python reads %y."""
    texts = [f"01.01.{year:02}" for year in range(100)]
    expected = [datetime.strptime(text, "%d.%m.%y").replace(tzinfo=UTC).date() for text in texts]
    assert read(record(field("date", "dd.MM.yy")), texts) == expected


def test_the_first_format_that_fits_reads_a_text():
    """Of several formats each text is read by the first that gives a date."""
    plan = record(field("date", "dd/MM/yyyy", "MM/dd/yyyy", "d MMM yyyy"))
    texts = ["05/01/2024", "01/13/2024", "5 jan 2024", "13/13/2024"]
    assert read(plan, texts) == [date(2024, 1, 5), date(2024, 1, 13), date(2024, 1, 5), UNREAD]


ZONES = ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC"]
TIMES = st.datetimes(datetime(1930, 1, 1), datetime(2099, 12, 30))  # noqa: DTZ001 - local on purpose


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES), st.lists(TIMES, min_size=1, max_size=30), st.booleans())
def test_local_times_are_instants_of_their_zone(zone, times, spread):
    """A local time of a zone is the instant that Python gives it, changes of the clock included."""
    if spread:
        times = [near for at in times for near in _changes(zone, at.year)]
    local = [at.replace(microsecond=0) for at in times]
    texts = [at.strftime("%d/%m/%Y %H:%M:%S") for at in local]
    expected = [at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for at in local]
    plan = record(field("timestamptz", "dd/MM/yyyy HH:mm:ss"), zone=zone)
    assert read(plan, texts) == expected


def _changes(zone: str, year: int) -> list[datetime]:
    """Local times around the changes of the clock in a year, those that come twice or never included."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    hours = [(start + timedelta(hours=hour)).astimezone(ZoneInfo(zone)) for hour in range(366 * 24)]
    found = []
    for before, after in pairwise(hours):
        if before.utcoffset() != after.utcoffset():
            at = before.replace(tzinfo=None)
            found += [at + timedelta(minutes=15 * step) for step in range(-12, 13)]
    return found or [datetime(year, 6, 1)]  # noqa: DTZ001 - local on purpose


def test_a_time_that_comes_twice_is_the_first_and_one_that_never_comes_counts_on():
    """The documented rule at the two changes of the clock in London."""
    plan = record(field("timestamptz"), zone="Europe/London")
    assert read(plan, ["2024-10-27 01:30", "2024-03-31 01:30"]) == [
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
        datetime(2024, 3, 31, 1, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-05T10:00:00Z", datetime(2024, 1, 5, 10, tzinfo=UTC)),
        ("2024-01-05 10:00:00.123456789+01", datetime(2024, 1, 5, 9, 0, 0, 123456, tzinfo=UTC)),
        ("2024-01-05T10:00+0530", datetime(2024, 1, 5, 4, 30, tzinfo=UTC)),
        ("2024-01-05 10:00 +01:00", datetime(2024, 1, 5, 9, tzinfo=UTC)),
        ("2024-01-05 10:00", UNREAD),
        ("2024-01-05", UNREAD),
        ("2024-02-30T10:00:00Z", UNREAD),
        ("2024-01-05T24:00:00Z", UNREAD),
        ("2024-01-05T10:00:60Z", UNREAD),
        ("2024-01-05T10:00:00+15:00", UNREAD),
    ],
)
def test_iso_times_need_an_offset_where_no_zone_is_declared(text, expected):
    """A time with its offset is an instant in any spelling of ISO 8601; without one it is none."""
    assert read(record(field("timestamptz")), [text]) == [expected]


def test_offsets_halves_and_fractions_of_formats():
    """Offsets, halves of the day and fractions of a second count as they are written."""
    at = datetime(2024, 1, 5, 13, 4, tzinfo=UTC)
    cases = {
        "dd/MM/yyyy HH:mm XXX": ("05/01/2024 14:04 +01:00", at),
        "dd/MM/yyyy HH:mmXX": ("05/01/2024 07:34-0530", at),
        "dd/MM/yyyy HH:mmX": ("05/01/2024 14:04+01", at),
        "d/M/yyyy h:mm a": ("5/1/2024 1:04 pm", at),
        "dd/MM/yyyy hh:mm a": ("05/01/2024 12:30 AM", datetime(2024, 1, 5, 0, 30, tzinfo=UTC)),
        "yyyyMMddHHmmssSSS": ("20240105130400250", at.replace(microsecond=250000)),
        "yyyy-MM-dd'T'HH:mm": ("2024-01-05T13:04", at),
    }
    for pattern, (text, expected) in cases.items():
        assert read(record(field("timestamptz", pattern), zone="UTC"), [text]) == [expected], pattern


@settings(max_examples=50, deadline=None)
@given(st.lists(st.datetimes(datetime(1900, 1, 1), timezones=st.just(UTC)), min_size=1, max_size=20))  # noqa: DTZ001
def test_epochs_are_instants(times):
    """Seconds and milliseconds since 1970 are the instants they count to, as texts and as JSON numbers."""
    start = datetime(1970, 1, 1, tzinfo=UTC)
    whole = [at.replace(microsecond=0) for at in times]
    seconds = [int((at - start).total_seconds()) for at in whole]
    assert read(record(field("timestamptz", "epoch-seconds")), [str(each) for each in seconds]) == whole
    events = record(field("timestamptz", "epoch-millis"), kinds=("events",))
    assert read(events, [each * 1000 for each in seconds]) == whole


def test_what_counts_to_no_time_is_refused():
    """A count beyond the year 9999, or a text that is no count, is refused."""
    plan = record(field("timestamptz", "epoch-seconds"))
    texts = ["253402300800", "1e9", "12:00", "1700000000.5"]
    half = datetime(2023, 11, 14, 22, 13, 20, 500000, tzinfo=UTC)
    assert read(plan, texts) == [UNREAD, UNREAD, UNREAD, half]


NUMBERS = st.decimals(min_value=-9_999_999, max_value=9_999_999, places=2, allow_nan=False)


def _grouped(value: Decimal, decimal: str, thousands: str) -> str:
    return f"{value:,.2f}".replace(",", "T").replace(".", decimal).replace("T", thousands)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(".", ","), (",", "."), (",", " "), (".", "'"), (".", "_"), (".", None)]),
    st.lists(NUMBERS, min_size=1, max_size=20),
)
def test_numbers_are_read_by_the_declared_marks(marks, values):
    """A number written with the declared marks is read as that number, grouped or not."""
    decimal, thousands = marks
    plan = record(field("decimal(12,2)"), decimal=decimal, thousands=thousands)
    grouped = [_grouped(value, decimal, thousands or "") for value in values]
    plain = [str(value).replace(".", decimal) for value in values]
    assert read(plan, grouped) == values
    assert read(plan, plain) == values


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(alphabet="0123456789.,- '", min_size=1, max_size=9), min_size=1, max_size=20))
def test_a_comma_is_never_taken_for_a_point(texts):
    """Under a decimal comma without grouping a point makes no number, and a comma is a point."""
    known = [text for text in texts if text.strip()]
    plan = record(field("decimal(20,9)"), decimal=",")
    for text, found in zip(known, read(plan, known), strict=True):
        bare = text.strip()
        if re.fullmatch(r"-?(\d+(,\d+)?|,\d+)", bare):
            assert found == Decimal(bare.replace(",", ".")), text
        else:
            assert found == UNREAD, text


@pytest.mark.parametrize(
    ("text", "more", "expected"),
    [
        ("1.234", {"decimal": ","}, UNREAD),
        ("1.234", {"decimal": ",", "thousands": "."}, Decimal(1234)),
        ("1.23", {"decimal": ",", "thousands": "."}, UNREAD),
        ("12.34.567", {"decimal": ",", "thousands": "."}, UNREAD),
        ("1,234", {}, UNREAD),
        ("1\u00a0234,5", {"decimal": ",", "thousands": " "}, Decimal("1234.5")),
        ("(12.50)", {}, UNREAD),
        ("(12.50)", {"negatives": ("parentheses",)}, Decimal("-12.5")),
        ("(-12.50)", {"negatives": ("parentheses",)}, UNREAD),
        ("(12.50", {"negatives": ("parentheses",)}, UNREAD),
        ("12.50-", {}, UNREAD),
        ("12.50-", {"negatives": ("trailing",)}, Decimal("-12.5")),
        ("-12.50-", {"negatives": ("trailing",)}, UNREAD),
        ("£12.50", {}, UNREAD),
        ("£12.50", {"symbols": ("£",)}, Decimal("12.5")),
        ("-£ 12.50", {"symbols": ("£",)}, Decimal("-12.5")),
        ("(£12.50)", {"symbols": ("£",), "negatives": ("parentheses",)}, Decimal("-12.5")),
        ("12.50 gbp", {"symbols": ("GBP",)}, Decimal("12.5")),
        ("$12.50", {"symbols": ("£",)}, UNREAD),
        ("12.5%", {"symbols": ("%",)}, Decimal("12.5")),
        ("--5", {"symbols": ("£",)}, UNREAD),
        ("+5", {}, Decimal(5)),
        ("007", {}, Decimal(7)),
        (".5", {}, Decimal("0.5")),
        ("5.", {}, UNREAD),
        ("1e3", {}, Decimal(1000)),
        ("NaN", {}, UNREAD),
        ("٣", {}, UNREAD),
    ],
)
def test_signs_and_symbols_count_where_they_are_declared(text, more, expected):
    """What stands around a number is read only if the contract says so, and a doubtful text is refused."""
    assert read(record(field("decimal(12,2)"), **more), [text]) == [expected]


def test_whole_numbers_are_whole():
    """A whole number may be written 12.0; a fraction is refused, and so is what does not fit."""
    texts = ["12", "12.0", "12.5", "0012", "3000000000", "1e2", ""]
    assert read(record(field("int")), texts) == [12, 12, UNREAD, 12, UNREAD, UNREAD, None]
    assert read(record(field("long")), texts)[4] == 3_000_000_000


def test_words_for_true_and_false():
    """The usual words mean what they say in any case; declared words replace them."""
    texts = ["TRUE", "y", "1", "No", "f", "0", "maybe", "ja"]
    assert read(record(field("boolean")), texts) == [True, True, True, False, False, False, UNREAD, UNREAD]
    german = record(field("boolean"), true_words=("Ja",), false_words=("Nein",))
    assert read(german, ["JA", "nein", "yes"]) == [True, False, UNREAD]


def test_nulls_and_blanks_are_as_the_contract_says():
    """Declared texts mean nothing, after blanks are taken off where they are."""
    plan = record(field("string"), nulls=("", "NULL", "n/a"))
    texts = [" NULL\t", "n/a", "", "null", "\u00a0x ", None]
    assert read(plan, texts) == [None, None, None, "null", "x", None]
    kept = replace(plan, trim=False, nulls=("NULL",))
    assert read(kept, [" NULL", "", " x"]) == [" NULL", "", " x"]


def test_a_renamed_field_is_found_by_its_aliases():
    """The first name that a payload has a value under is the field; names are taken to the letter."""
    plan = record(FieldPlan("x", "string", ("Member No", "MemberNumber", 'a/b~"c')))
    payloads = [{"Member No": "1"}, {"MemberNumber": "2"}, {'a/b~"c': "3"}, {"member no": "4"}]
    payloads.append({"Member No": "", "MemberNumber": "5"})
    assert [row["x"] for row in lexical(plan, payloads)] == ["1", "2", "3", None, "5"]


def test_members_of_events_are_found_by_their_path():
    """A path leads through members and places in lists; what is not there is null."""
    plan = record(FieldPlan("x", "string", ("payload",), path=("payload", "screen")), kinds=("events",))
    payloads = [{"payload": {"screen": "home"}}, {"payload": {}}, {}, {"payload": "x"}]
    assert [row["x"] for row in lexical(plan, payloads)] == ["home", None, None, None]


def test_values_that_json_types_are_not_read_by_the_formats_of_texts():
    """Under a decimal comma a JSON number keeps its point, and a typed date is ISO 8601."""
    plan = record(
        FieldPlan("n", "decimal(9,2)", ("n",)),
        FieldPlan("d", "date", ("d",), formats=("dd/MM/yyyy",)),
        FieldPlan("t", "timestamptz", ("t",), formats=("dd/MM/yyyy HH:mm",)),
        FieldPlan("b", "boolean", ("b",)),
        decimal=",",
        thousands=".",
        zone="Europe/London",
        kinds=("csv", "parquet"),
    )
    typed = {"n": 1.234, "d": {"=": "2024-01-05"}, "t": {"=": "2024-07-05T10:00:00"}, "b": True}
    boxed = {**typed, "n": {"=": "1.234"}, "d": {"=": "2024-01-05T00:00:00"}, "b": False}
    texts = {"n": "1.234", "d": "05/01/2024", "t": "05/07/2024 10:00", "b": "no"}
    rows = lexical(plan, [typed, boxed, texts])
    assert [row["n"] for row in rows] == ["1.234", "1.234", "1234"]
    assert {row["d"] for row in rows} == {"2024-01-05"}
    assert {row["t"] for row in rows} == {"2024-07-05T09:00:00.000000Z"}
    assert [row["b"] for row in rows] == ["true", "false", "false"]
    assert not any(row[MISSHAPEN] for row in rows)


@pytest.mark.parametrize("value", [[1], {"a": 1}, [], {}])
def test_a_list_or_an_object_in_place_of_a_value_is_told(value):
    """What cannot be a value is not taken for its text."""
    (row,) = lexical(record(field("string"), kinds=("events",)), [{"x": value}])
    assert row == {"row_id": 0, "unit_source": "clinic", "x": None, MISSHAPEN: "x"}


@given(st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=10))
@settings(max_examples=60, deadline=None)
def test_an_identifier_with_any_characters_stays_whole_in_a_reference(texts):
    """What a reference is made of can be taken out of it again, whatever the identifier holds."""
    plan = record(
        field("string", reference=RecordReferencePlan("Patient", "urn:a|b&identifier=x")), trim=False
    )
    texts = [text for text in texts if "\x00" not in text and text.isprintable()]
    raw = [row["x"] for row in lexical(plan, [{"x": text} for text in texts])]
    session = _session()
    session.register("references_of_test", pa.table({"raw": pa.array(raw, pa.string())}))
    parts = session.execute(
        f"SELECT p.* FROM (SELECT {reference_parts_sql('raw')} AS p FROM references_of_test)"
    )
    found = parts.to_arrow_table().to_pylist()
    assert [(part["kind"], part["type"]) for part in found] == [("search", "Patient")] * len(texts)
    joined = [f"{part['system']}|{part['value']}" for part in found]
    assert joined == [f"urn:a|b&identifier=x|{text}" for text in texts]


def test_a_record_that_another_names_is_keyed_as_its_own_envelope_is():
    """A reference to a record whose key is a token is made of source, type and key."""
    plan = record(field("string", record="membership", identifier=True))
    assert [row["x"] for row in lexical(plan, [{"x": "M1"}, {"x": ""}])] == ["clinic|membership|M1", None]


HOSTILE = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="0123456789-+.,:/TZ eE()£%\u2019\u00a0'\"\\{}[]=$", max_size=30),
    st.sampled_from(
        ["9" * 400, "-" + "9" * 38, "1e400", "1e-400", "0" * 300, "9999-12-31 23:59", "0001-01-01 00:00"]
    ),
    st.integers().map(str),
    st.dates().map(str),
)
KINDS = [
    field("string"),
    field("boolean"),
    field("int"),
    field("long"),
    field("double"),
    field("decimal(9,2)"),
    field("date"),
    field("date", "dd/MM/yyyy", "d MMM yy"),
    field("timestamptz"),
    field("timestamptz", "dd/MM/yyyy HH:mm", "yyyyMMddHHmmssXX", "epoch-millis", "epoch-seconds"),
    field("string", reference=RecordReferencePlan("Patient", "urn:x")),
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), st.booleans(), st.lists(HOSTILE, min_size=1, max_size=15))
def test_no_text_whatever_stops_a_batch(one, events, texts):
    """Garbage is read or refused row by row: no text makes the query itself fail, and none becomes null."""
    plan = record(
        one,
        zone="America/New_York",
        decimal=",",
        thousands=".",
        symbols=("£", "EUR"),
        negatives=("parentheses", "trailing"),
        kinds=("csv", "events", "parquet") if events else ("csv",),
    )
    texts = [text for text in texts if text.strip(" \t\r\n\u00a0")]
    found = read(plan, texts)
    assert len(found) == len(texts)
    assert None not in found
