"""Extracts and events into bronze: what lands, what is refused, what is known, and how it is told of."""

import datetime as dt
import decimal
import gzip
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from a360.contract import DriftPlan, FieldPlan, ReceptionPlan, RecordPlan
from a360.errors import UsageError
from a360.ingest import Limits

NUMBER = FieldPlan("number", "string", ("No", "Number"))
AMOUNT = FieldPlan("amount", "decimal(9,2)", ("Amount",))
PERSON = FieldPlan("person", "string", ("Person",), identifier=True)
CHANGED = FieldPlan("", "timestamptz", ("Changed",))


def plan(name="sale", **given):
    """How sales are received, unless something else is asked for."""
    kinds = given.pop("kinds", ("csv", "parquet"))
    fields = given.pop("fields", (AMOUNT,))
    record = RecordPlan(name, "number", fields, kinds=kinds, nulls=("", "-"))
    return ReceptionPlan(record=record, **{"files": (f"{name}s*",), "key": (NUMBER,), **given})


def landed(lake):
    """The records of bronze in order of arrival, each with its payload."""
    return lake.records()


def counts(ingested):
    """What is not zero of the counts of an ingest."""
    told = ingested.report.to_json()
    names = ("read", "landed", "quarantined", "duplicates", "unchanged", "filtered")
    return {name: told[name] for name in names if told[name]}


def test_rows_land_as_they_stood(lake, inbox):
    """A row becomes a record: its texts by the header, its key, its time, its line, whether it is gone."""
    (inbox / "sales-20240105.csv").write_text(
        'No,Amount,Changed,State\n7,"1,5",2024-01-05T10:00:00Z,\n\n8,x,,void\n'
    )
    reception = plan(updated=CHANGED, deleted=FieldPlan("", "string", ("State",)), deleted_values=("void",))
    assert counts(lake.ingest_records(inbox, "csv", [reception])) == {"read": 2, "landed": 2}
    first, second = landed(lake)
    assert json.loads(first["text"]) == {
        "No": "7",
        "Amount": "1,5",
        "Changed": "2024-01-05T10:00:00Z",
        "State": "",
    }
    assert (first["record_type"], first["record_id"], first["line"], first["deleted"]) == (
        "sale",
        "7",
        2,
        False,
    )
    assert first["last_updated"] == dt.datetime(2024, 1, 5, 10, tzinfo=dt.UTC)
    assert first["file"] == "sales-20240105.csv"
    assert (second["record_id"], second["line"], second["deleted"], second["last_updated"]) == (
        "8",
        4,
        True,
        None,
    )


def test_keys_of_people_are_tokens(lake, inbox):
    """A key that identifies a person is a token of source, type and key; parts of a key are told apart."""
    (inbox / "sales.csv").write_text("No,Person\na|b,c\na,b|c\n")
    lake.ingest_records(inbox, "csv", [plan(key=(NUMBER, PERSON), fields=(), identifier=True)])
    ids = [row["record_id"] for row in landed(lake)]
    assert len(set(ids)) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


def test_each_fault_is_refused_with_its_line(lake, inbox):
    """A row that cannot be taken is in quarantine with rule, line and its bytes; the others land."""
    lines = [
        "No,Amount,Changed",
        "1,2,2024-01-05T10:00:00Z",
        "2,3",
        "-,4,",
        "4,5,yesterday",
        "5,6,,",
        "6,\xff,",
    ]
    (inbox / "sales.csv").write_bytes("\n".join(lines).encode("latin-1"))
    ingested = lake.ingest_records(inbox, "csv", [plan(updated=CHANGED)])
    assert counts(ingested) == {"read": 6, "landed": 1, "quarantined": 5}
    told = [
        (row["rule"], row["reason"].split(":")[0], row["raw"]) for row in lake.refused("quarantine.record")
    ]
    assert told == [
        ("ragged-row", "line 3", b"2,3"),
        ("missing-key", "line 4", sealed(4, No="-", Amount="4", Changed="")),
        ("unreadable-time", "line 5", sealed(5, No="4", Amount="5", Changed="yesterday")),
        ("ragged-row", "line 6", b"5,6,,"),
        ("wrong-encoding", "line 7", b"6,\xff,"),
    ]
    assert "yesterday" not in str([row["reason"] for row in lake.refused("quarantine.record")])


def test_the_same_again_adds_nothing(lake, inbox):
    """A known file is unchanged, known rows of another are duplicates; kinds know nothing of each other."""
    sale, refund = plan(kinds=("csv", "events")), plan("refund")
    (inbox / "sales1.csv").write_text("No,Amount\n1,2\n2,2\n")
    assert counts(lake.ingest_records(inbox, "csv", [sale, refund])) == {"read": 2, "landed": 2}
    before = lake.snapshots()
    assert counts(lake.ingest_records(inbox, "csv", [sale, refund])) == {"read": 2, "unchanged": 2}
    assert lake.snapshots() == before
    (inbox / "sales2.csv").write_text("No,Amount\n2,2\n1,2\n3,2\n")
    expected = {"read": 5, "landed": 1, "duplicates": 2, "unchanged": 2}
    assert counts(lake.ingest_records(inbox, "csv", [sale, refund])) == expected
    (inbox / "refunds.csv").write_text("No,Amount\n1,2\n")
    expected = {"read": 6, "landed": 1, "unchanged": 5}
    assert counts(lake.ingest_records(inbox, "csv", [sale, refund])) == expected
    again = lake.ingest_records(inbox / "sales1.csv", "events", [sale], record="sale")
    assert counts(again) == {"read": 3, "quarantined": 3}


@pytest.mark.parametrize(
    ("header", "drift", "expected", "told"),
    [
        (
            "No,Amount,Tip",
            DriftPlan(),
            {"read": 1, "landed": 1},
            "kept columns that the contract does not know: Tip",
        ),
        ("No,Amount,Tip", DriftPlan(added="refuse"), {"read": 1, "quarantined": 1}, "columns are new: Tip"),
        ("No,Tip,Tap", DriftPlan(), {"read": 1, "quarantined": 1}, "columns are missing: Amount"),
        ("No,Tip,Tap", DriftPlan(dropped="null"), {"read": 1, "landed": 1}, "columns are missing: Amount"),
        (
            "Number,Amount,Tip",
            DriftPlan(),
            {"read": 1, "landed": 1},
            "read columns under other names: No as Number",
        ),
        (
            "Na,Amount,Tip",
            DriftPlan(dropped="null"),
            {"read": 1, "quarantined": 1},
            "columns of the key are missing: No",
        ),
    ],
)
def test_the_contract_decides_on_other_columns(lake, inbox, header, drift, expected, told):
    """New, lost and renamed columns are taken or refused as the contract says, and told of either way."""
    (inbox / "sales.csv").write_text(f"{header}\n1,2,3\n")
    ingested = lake.ingest_records(inbox, "csv", [plan(drift=drift)])
    assert counts(ingested) == expected
    if "quarantined" in expected:
        [row] = lake.refused("quarantine.record")
        assert row["rule"] == "drift"
        assert told in row["reason"]
    else:
        assert f"sales.csv: {told}" in ingested.remarks


@pytest.mark.parametrize(
    ("text", "rule", "told"),
    [
        ("1,Adaeze Okafor,3\n", "drift", "of its 3 columns none is one that the contract knows"),
        ('{"name": "Adaeze Okafor"}\n', "drift", "its one column is not one that the contract knows"),
        ("1,Okafor,2,Okafor\n", "duplicate-columns", "columns 2 and 4 of the header have one name"),
    ],
)
def test_a_row_in_the_place_of_a_header_is_not_told(lake, inbox, text, rule, told):
    """Of a file without a header the reason does not say what stands there, which may be of a patient."""
    (inbox / "sales.csv").write_text(text)
    ingested = lake.ingest_records(inbox, "csv", [plan()])
    assert counts(ingested) == {"read": 1, "quarantined": 1}
    [row] = lake.refused("quarantine.record")
    assert row["rule"] == rule
    assert told in row["reason"]
    assert "Okafor" not in row["reason"]


def test_a_column_of_another_type_is_refused_where_the_contract_says_so(lake, inbox):
    """With `retyped: refuse`, a file of whose amounts most are no numbers does not land."""
    (inbox / "sales.csv").write_text("No,Amount\n1,two\n2,three\n3,4\n")
    ingested = lake.ingest_records(inbox, "csv", [plan(drift=DriftPlan(retyped="refuse"))])
    assert counts(ingested) == {"read": 1, "quarantined": 1}
    assert "another type than the contract's: Amount" in lake.refused("quarantine.record")[0]["reason"]


def test_a_mended_contract_takes_a_refused_file(lake, inbox):
    """The same file is read again by another contract, and what it refused before leaves the quarantine."""
    (inbox / "sales.csv").write_text("No,Total\n1,2\n")
    assert counts(lake.ingest_records(inbox, "csv", [plan()])) == {"read": 1, "quarantined": 1}
    mended = plan(fields=(FieldPlan("amount", "decimal(9,2)", ("Amount", "Total")),))
    assert counts(lake.ingest_records(inbox, "csv", [mended])) == {"read": 1, "landed": 1}
    assert lake.refused("quarantine.record") == []


def test_the_line_that_ends_the_data_ends_it(lake, inbox):
    """The footer and what follows are left out and counted; a whole row behind it is refused, not lost."""
    (inbox / "sales.csv").write_text("No,Amount\n1,2\nTotal;2\nprinted today\n9,9\n")
    ingested = lake.ingest_records(inbox, "csv", [plan(footer="Total")])
    assert counts(ingested) == {"read": 4, "landed": 1, "quarantined": 1, "filtered": 2}
    [row] = lake.refused("quarantine.record")
    assert (row["rule"], row["raw"]) == ("after-footer", b"9,9")


def test_typed_rows_land_with_their_types(lake, inbox):
    """Values of Parquet are JSON values; those that JSON has no type for come in a box."""
    rows = {
        "No": ["1", None],
        "Amount": [decimal.Decimal("1.50"), None],
        "At": [dt.datetime(2024, 1, 5, 10, tzinfo=dt.UTC), None],
        "On": [dt.date(2024, 1, 5), None],
        "Count": [2**60, 1],
        "Tags": [[{"a": 1}], None],
    }
    pq.write_table(pa.table(rows), inbox / "sales_1.parquet", row_group_size=1)
    assert counts(lake.ingest_records(inbox, "parquet", [plan()])) == {
        "read": 2,
        "landed": 1,
        "quarantined": 1,
    }
    [row] = landed(lake)
    assert json.loads(row["text"]) == {
        "No": "1",
        "Amount": {"=": "1.50"},
        "At": {"=": "2024-01-05T10:00:00.000000Z"},
        "On": {"=": "2024-01-05"},
        "Count": 2**60,
        "Tags": [{"a": 1}],
    }
    assert (row["line"], row["offset"]) == (None, 0)
    assert [row["rule"] for row in lake.refused("quarantine.record")] == ["missing-key"]


@pytest.mark.parametrize("kept", [0, 8, 200])
def test_a_broken_parquet_file_is_refused(lake, inbox, kept):
    """A file that is no whole Parquet file lands nothing and is told of."""
    pq.write_table(pa.table({"No": ["1"] * 100, "Amount": ["2"] * 100}), inbox / "sales.parquet")
    whole = (inbox / "sales.parquet").read_bytes()
    (inbox / "sales.parquet").write_bytes(whole[:kept] + b"x" * (len(whole) - kept))
    assert counts(lake.ingest_records(inbox, "parquet", [plan()])) == {"read": 1, "quarantined": 1}


def sealed(line, **cells):
    """What the quarantine keeps of a sale that could be read."""
    return json.dumps({"record_type": "sale", "line": line, "record": cells}, separators=(",", ":")).encode()


EVENT = {
    "kinds": ("events",),
    "key": (FieldPlan("", "string", ("id",)),),
    "fields": (),
    "event_time": FieldPlan("", "timestamptz", ("at",)),
}


def test_events_land_line_by_line_or_in_lists(lake, inbox):
    """Objects of NDJSON, of a JSON list and of packed files are events; the same one again is a duplicate."""
    one, two = '{"id":"1","at":"2024-01-05T10:00:00Z"}', '{"id":"2","at":"2024-01-05T11:00:00+02:00"}'
    (inbox / "taps1.ndjson").write_text(f"{one}\n\n5\n[{two}]\nno\n{{}}\n")
    (inbox / "taps2.json").write_text(f"[\n  {one},\n  {two}\n]\n")
    with gzip.open(inbox / "taps3.jsonl.gz", "wt") as file:
        file.write(f"{two}\n")
    ingested = lake.ingest_records(inbox, "events", [plan("tap", **EVENT)])
    assert counts(ingested) == {"read": 8, "landed": 2, "quarantined": 3, "duplicates": 3}
    assert [(row["record_id"], row["line"], row["text"]) for row in landed(lake)] == [
        ("1", 1, one),
        ("2", 4, two),
    ]
    assert landed(lake)[1]["event_time"] == dt.datetime(2024, 1, 5, 9, tzinfo=dt.UTC)
    assert [(row["rule"], row["reason"].split(":")[0]) for row in lake.refused("quarantine.record")] == [
        ("not-object", "line 3"),
        ("not-json", "line 5"),
        ("missing-key", "line 6"),
    ]


def test_one_long_line_may_be_a_list(lake, inbox):
    """A file that is one list on one line may be longer than a line may be."""
    events = [{"id": f"{at}", "at": "2024-01-05T10:00:00Z"} for at in range(50)]
    (inbox / "taps.json").write_text(json.dumps(events))
    ingested = lake.ingest_records(
        inbox, "events", [plan("tap", **EVENT)], limits=Limits(line_bytes=500, chunk_bytes=400)
    )
    assert counts(ingested) == {"read": 50, "landed": 50}


def test_an_event_without_its_time_is_refused(lake, inbox):
    """What happened at no time, or at one that is none, cannot be ordered."""
    (inbox / "taps.ndjson").write_text('{"id":"1"}\n{"id":"2","at":"soon"}\n{"id":[3],"at":"2024-01-05"}\n')
    lake.ingest_records(inbox, "events", [plan("tap", **EVENT)])
    assert [row["rule"] for row in lake.refused("quarantine.record")] == [
        "missing-time",
        "unreadable-time",
        "misshapen",
    ]


def test_files_are_known_by_their_names(lake, inbox):
    """A file that no contract knows, or several do, is an error with the patterns; `record` settles it."""
    for name in ("sales.csv", "other.csv", "readme.md"):
        (inbox / name).write_text("No,Amount\n1,2\n")
    with pytest.raises(UsageError, match="No contract") as unknown:
        lake.ingest_records(inbox, "csv", [plan()])
    assert "sale (sales*)" in str(unknown.value.found)
    with pytest.raises(UsageError, match="Several"):
        lake.ingest_records(inbox / "sales.csv", "csv", [plan(), plan("sal", files=("s*",))])
    with pytest.raises(UsageError, match="No contract declares"):
        lake.ingest_records(inbox / "sales.csv", "csv", [plan()], record="purchase")
    assert counts(lake.ingest_records(inbox / "other.csv", "csv", [plan()], record="sale")) == {
        "read": 1,
        "landed": 1,
    }
    assert counts(lake.ingest_records(inbox, "csv", [plan(), plan("other", files=("OTHER*",))]))["read"] == 2


@pytest.mark.parametrize(
    ("name", "is_shown"),
    [
        ("sales.csv", True),
        ("Sales_2024-01-05_3.CSV", True),
        ("sales-20240105.csv.gz", True),
        ("sales_jane_doe.csv", False),
        ("sales-12345678.csv", False),
    ],
)
def test_names_of_files_tell_of_nobody(lake, inbox, name, is_shown):
    """A name is kept where it is the contract's word with dates and counters, and is a token otherwise."""
    data = b"No,Amount\n1,2\n"
    (inbox / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    [report] = lake.ingest_records(inbox / name, "csv", [plan()]).files
    assert (report.file == name) is is_shown
    assert is_shown or re.fullmatch(r"file-[0-9a-f]{16}\.csv", report.file)


def test_nothing_of_a_row_lies_in_clear(lake, inbox):
    """No value of a row stands in any file of the lake."""
    (inbox / "sales.csv").write_text("No,Amount\nk1,Zanzibar-canary\nk2\n,Zanzibar-canary,3\n")
    lake.ingest_records(inbox, "csv", [plan()])
    files = [path for path in lake.folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if b"Zanzibar" in path.read_bytes()]
