import csv
import datetime as dt
import decimal
import errno
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.cli import _export
from a360.cli._export import export
from a360.errors import OperatorError, UsageError
from a360.trust.gateway import json_rows, write_csv, write_json

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
TABLE = pa.table(
    {
        "name": ["a", None, 'é, "quoted"'],
        "count": pa.array([-1, 2**60, None], pa.int64()),
        "price": pa.array([decimal.Decimal("1.10"), None, decimal.Decimal("-2.00")]),
        "at": pa.array([dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)] * 3, pa.timestamp("us", "UTC")),
        "day": [dt.date(2026, 1, 2), None, None],
        "share": [0.5, float("nan"), None],
        "codes": [["x", "=y"], [], None],
        "bytes": [b"\x00\xff", None, b""],
        "yes": [True, False, None],
    }
)


def as_csv(table):
    stream = io.BytesIO()
    write_csv(table.to_reader(), stream)
    return list(csv.reader(io.StringIO(stream.getvalue().decode("utf-8"), newline="")))


@given(
    st.lists(
        st.one_of(st.none(), st.text(alphabet=[*FORMULAS, "a", " ", '"', ",", "'"], max_size=4)), min_size=1
    )
)
def test_no_cell_of_text_is_a_formula(values):
    """In CSV a text that begins as a formula has an apostrophe before it; any other is as it was."""
    header, *rows = as_csv(pa.table({"text": pa.array(values, pa.string()), "end": [0] * len(values)}))
    assert header == ["text", "end"]
    for value, (cell, _) in zip(values, rows, strict=True):
        expected = value or ""
        assert cell == (f"'{expected}" if expected.startswith(FORMULAS) else expected)


@pytest.mark.parametrize("values", [["=1"], [["=1", "=2"]], [{"=a": 1}], [b"=1"]])
def test_formulas_are_stopped_wherever_they_hide(values):
    """Names of columns, dictionaries, lists, structs and bytes are no way around the apostrophe."""
    column = pa.array(values)
    tables = [pa.table({"=name": column})]
    if pa.types.is_string(column.type):
        tables += [
            pa.table({"x": column.dictionary_encode()}),
            pa.table({"x": column.cast(pa.large_string())}),
        ]
    for table in tables:
        assert not any(cell.startswith(FORMULAS) for row in as_csv(table) for cell in row)


def test_numbers_stay_numbers():
    """A negative number is no formula: it stays as it is, in a column of text too."""
    assert as_csv(pa.table({"n": [-1], "x": [-0.5]}))[1] == ["-1", "-0.5"]
    texts = ["-1", "-12.50", "-1+1", "-1\n", "--1", "+1", "-", "-1.", "-x"]
    found = [cell for cell, _ in as_csv(pa.table({"text": texts, "end": [0] * len(texts)}))[1:]]
    assert found == ["-1", "-12.50", *(f"'{text}" for text in texts[2:])]


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".PARQUET"])
def test_columnar_files_hold_exactly_the_table(tmp_path, suffix):
    """Parquet and Arrow files read back as the very table."""
    path = tmp_path / f"answer{suffix}"
    export(TABLE, path)
    read = pq.read_table(path) if "arrow" not in suffix else pa.ipc.open_file(path).read_all()
    assert read.schema == TABLE.schema
    assert read.drop_columns("share").equals(TABLE.drop_columns("share"))


def test_json_loses_nothing_a_reader_would_miss(tmp_path):
    """JSON keeps decimals and dates as text, bytes in base64, and has null for what is no number."""
    export(TABLE, tmp_path / "answer.json")
    rows = json.loads((tmp_path / "answer.json").read_text("utf-8"))
    assert rows == list(json_rows(TABLE))
    assert rows[0] == {
        "name": "a",
        "count": -1,
        "price": "1.10",
        "at": "2026-01-02T03:04:05+00:00",
        "day": "2026-01-02",
        "share": 0.5,
        "codes": ["x", "=y"],
        "bytes": "AP8=",
        "yes": True,
    }
    assert rows[1]["share"] is None
    assert rows[1]["count"] == 2**60


def test_empty_answer_is_still_json():
    """No rows are an empty array, not an empty file."""
    stream = io.BytesIO()
    write_json(TABLE.slice(0, 0).to_reader(), stream)
    assert json.loads(stream.getvalue()) == []


@pytest.mark.parametrize("name", ["answer", "answer.xlsx", ".csv"])
def test_unknown_ending_says_which_are_known(tmp_path, name):
    """An ending that says no format is a usage error that lists the four."""
    with pytest.raises(UsageError, match=r"\.csv, \.parquet, \.json, \.arrow"):
        export(TABLE, tmp_path / name)


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    """A write that fails half way leaves what was there, and nothing beside it."""
    path = tmp_path / "answer.csv"
    path.write_text("old")

    def fail(table, stream):
        stream.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_export, "_WRITERS", {".csv": fail})
    with pytest.raises(OperatorError, match="No space"):
        export(TABLE, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_file_is_for_its_owner_alone(tmp_path):
    """An exported file may hold health data: nobody else can read it."""
    export(TABLE, tmp_path / "answer.csv")
    assert (tmp_path / "answer.csv").stat().st_mode & 0o077 == 0


def test_missing_folder_is_the_operators(tmp_path):
    """A folder that is not there is named, before anything is written."""
    with pytest.raises(OperatorError, match="input-missing"):
        export(TABLE, tmp_path / "no/such/answer.csv")
