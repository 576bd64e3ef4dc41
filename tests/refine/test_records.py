"""Records become silver rows: typed, tokenised, resolved, refused with line and column, replayed."""

import json
import shutil
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fhir_samples import patient
from lakes import rows_of
from record_contracts import MRN, record_contracts
from small_contracts import change

import a360
from a360.cli import _face
from a360.cli._main import run

MEMBERS = ("silver.member", "silver.member_version")
HEADER = "Member No;Patient;Fee;Since;Changed;Active;State;E-mail"


@pytest.fixture(scope="module")
def contracts_of_records(tmp_path_factory):
    """Contracts with datasets of records."""
    return record_contracts(tmp_path_factory.mktemp("records") / "contracts")


@pytest.fixture
def lake(tmp_path, contracts_of_records):
    """A fresh lake."""
    with a360.open(tmp_path / "lake", contracts=contracts_of_records) as opened:
        yield opened


def csv(lake, folder, name, *lines):
    """Bring in a file of these lines."""
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return lake.ingest(path, kind="csv")


def events(lake, folder, name, *told):
    """Bring in a file of these events."""
    path = folder / name
    path.write_text("".join(json.dumps(each) + "\n" for each in told), encoding="utf-8")
    return lake.ingest(path, kind="events")


def counted(report, dataset):
    """What a run read, landed and refused of a dataset."""
    (step,) = [each for each in report.steps if each.dataset == dataset]
    return step.read, step.landed, step.quarantined


def test_a_row_becomes_typed_values_tokens_and_keys(lake, tmp_path, put):
    """Numbers, dates and times are read as the contract says; identifiers are tokens; a patient is a key."""
    put(lake, patient("p1", ids=["A1"]))
    csv(lake, tmp_path, "members.csv", HEADER, "M1;A1;1.234,5;5 Jan 2024;05/07/2024 10:00;YES;OPEN;a@b")
    csv(lake, tmp_path, "visits.csv", "Site,No,Minutes,Member", "A,1,030,M1", "B,1,,M9")
    lake.run()
    (row,) = rows_of(lake, "SELECT * FROM silver.member")
    assert (str(row["fee"]), row["since"].isoformat(), row["active"]) == ("1234.50", "2024-01-05", True)
    assert row["changed_at"].isoformat() == row["last_updated"].isoformat() == "2024-07-05T09:00:00+00:00"
    assert row["unresolved_references"] == 0
    (person,) = rows_of(lake, "SELECT patient_key FROM silver.patient")
    assert row["patient_key"] == person["patient_key"]
    assert not {"M1", "A1", "a@b"} & {value for name, value in row.items() if name != "number"}
    # A visit names its member by the same token, and its own key joins the fields it is made of.
    visits = rows_of(lake, "SELECT visit_id, minutes, member_id FROM silver.visit ORDER BY visit_id")
    assert [(each["visit_id"], each["minutes"]) for each in visits] == [("A|1", 30), ("B|1", None)]
    assert visits[0]["member_id"] == row["member_id"] != visits[1]["member_id"]


def test_a_refused_cell_is_told_by_line_and_column_and_its_value_stays_sealed(lake, tmp_path):
    """Every cell that does not fit is named once, in words without its value; the sealed payload has it."""
    bad = "M2;A2;1.5;31/02/2024;05/07/2024 10:00;maybe;;x@y"
    csv(lake, tmp_path, "members.csv", HEADER, "M1;A1;1,5;05/01/2024;05/01/2024 10:00;no;OPEN;", bad)
    report = lake.run(*MEMBERS)
    assert counted(report, "silver.member") == (2, 1, 1)
    (refused,) = lake.quarantine.show("silver.member")
    assert refused["rule"] == "fee-type"
    assert refused["reason"] == (
        "line 3: column Fee: fee cannot be read as decimal(9,2); "
        "column Since: since cannot be read as date; "
        "column Active: active cannot be read as boolean; column State: state_required"
    )
    _, payload = lake.quarantine.open("silver.member", refused["row"])
    assert json.loads(payload) == dict(zip(HEADER.split(";"), bad.split(";"), strict=True))
    sealed = [bytes(row["payload"]) for row in lake.table("quarantine.member").to_pylist()]
    assert not any(b"31/02" in each or b"x@y" in each for each in sealed)
    # The dataset that asks for less of the same record refuses it for less.
    assert [each["reason"] for each in lake.quarantine.show("silver.member_version")] == [
        "line 3: column Fee: fee cannot be read as decimal(9,2)"
    ]


def test_a_list_in_place_of_a_value_is_refused(lake, tmp_path):
    """An event whose member has another shape is refused, not taken for its text."""
    good = {"id": "t1", "at": "2024-01-01T00:00:00Z", "payload": {"screen": "home", "seconds": 5}}
    wrong = {"id": "t2", "at": "2024-01-01T00:00:00Z", "payload": {"screen": ["home"], "seconds": 5}}
    events(lake, tmp_path, "taps.jsonl", good, wrong)
    assert counted(lake.run("silver.tap"), "silver.tap") == (2, 1, 1)
    (refused,) = lake.quarantine.show("silver.tap")
    assert refused["rule"] == "shape"
    assert (
        refused["reason"] == "line 2: column payload.screen: a list or an object stands where a value should"
    )
    assert rows_of(lake, "SELECT tap_id, screen, seconds FROM silver.tap") == [
        {"tap_id": "t1", "screen": "home", "seconds": 5}
    ]


def test_refused_rows_land_when_the_contract_learns_to_read_them(tmp_path, contracts_of_records):
    """After a format is added, a replay lands what was refused and clears its record; the next run rests."""
    folder = tmp_path / "contracts"
    folder.mkdir()
    for path in contracts_of_records.rglob("*"):
        target = folder / path.relative_to(contracts_of_records)
        target.mkdir() if path.is_dir() else target.write_bytes(path.read_bytes())
    line = "M1;A1;1,5;2024-01-05;05/01/2024 10:00;no;OPEN;"
    with a360.open(tmp_path / "lake", contracts=folder) as opened:
        csv(opened, tmp_path, "members.csv", HEADER, line)
        assert counted(opened.run("silver.member"), "silver.member") == (1, 0, 1)

    def learn(contract):
        (column,) = [each for each in contract["schema"][0]["properties"] if each["name"] == "since"]
        for each in column["customProperties"]:
            if each["property"] == "a360.field":
                each["value"]["format"].append("yyyy-MM-dd")

    change(folder / "silver/member.yaml", learn)
    with a360.open(tmp_path / "lake", contracts=folder) as opened:
        opened.apply()
        opened.replay("silver.member")
        assert [str(row["since"]) for row in rows_of(opened, "SELECT since FROM silver.member")] == [
            "2024-01-05"
        ]
        assert opened.quarantine.show("silver.member") == []
        assert counted(opened.run("silver.member"), "silver.member") == (0, 0, 0)


def test_rows_that_ingest_refused_land_without_their_file_once_the_contract_is_mended(
    tmp_path, contracts_of_records
):
    """A replay takes rows with a key and a time it has learnt to read, each once, and keeps the others."""
    folder = shutil.copytree(contracts_of_records, tmp_path / "contracts")
    row = "{};A1;1,5;05/01/2024;{};no;OPEN;"
    lines = row.format("M1", "2024-01-05 10:00"), row.format("", "05/01/2024 10:00"), row.format("M2", "soon")
    with a360.open(tmp_path / "lake", contracts=folder) as opened:
        csv(opened, tmp_path, "members.csv", HEADER, *lines)
        events(opened, tmp_path, "taps.ndjson", {"id": "t1", "at": "2024-01-05 10:00"})
        assert {each.untried for each in opened.replay("bronze.record").datasets} == {0}
        assert len(opened.table("bronze.record")) == 0
    for path in (tmp_path / "members.csv", tmp_path / "taps.ndjson"):
        path.unlink()

    def learn(contract):
        (told,) = [each for each in contract["customProperties"] if each["property"] == "a360.source"]
        if told["value"]["record"] == "tap":
            told["value"]["zone"] = "Europe/London"
            return
        formats = ("dd/MM/yyyy HH:mm", "yyyy-MM-dd HH:mm")
        told["value"]["updated"]["format"] = [*formats]
        (column,) = [each for each in contract["schema"][0]["properties"] if each["name"] == "changed_at"]
        (field,) = [each for each in column["customProperties"] if each["property"] == "a360.field"]
        field["value"]["format"] = [*formats]

    for name in ("member", "tap"):
        change(folder / f"silver/{name}.yaml", learn)
    with a360.open(tmp_path / "lake", contracts=folder) as opened:
        opened.apply()
        accounts = {each.dataset: each for each in opened.replay().datasets}
        assert (accounts["bronze.record"].waiting, accounts["bronze.record"].cleared) == (4, 2)
        landed = rows_of(opened, "SELECT record_type, line, file FROM bronze.record ORDER BY 1")
        assert landed == [
            {"record_type": "member", "line": 2, "file": "members.csv"},
            {"record_type": "tap", "line": 1, "file": "taps.ndjson"},
        ]
        assert [str(each["changed_at"])[:16] for each in rows_of(opened, "FROM silver.member")] == [
            "2024-01-05 10:00"
        ]
        assert [each["tap_id"] for each in rows_of(opened, "FROM silver.tap")] == ["t1"]
        assert sorted((each["rule"], each["rows"]) for each in opened.quarantine.list("bronze.record")) == [
            ("missing-key", 1),
            ("unreadable-time", 1),
        ]


def test_a_patient_that_arrives_later_is_found(lake, tmp_path, put):
    """A record waits for the patient it names, and finds the one who comes to bear the identifier."""
    csv(lake, tmp_path, "members.csv", HEADER, "M#1;A1;1;05/01/2024;05/01/2024 10:00;no;OPEN;")
    lake.run()
    assert rows_of(lake, "SELECT patient_key, unresolved_references AS n FROM silver.member") == [
        {"patient_key": None, "n": 1}
    ]
    put(lake, patient("p1", ids=["A1"]))
    lake.run()
    (found,) = rows_of(
        lake,
        "SELECT m.unresolved_references AS n, p.patient_key FROM silver.member AS m "
        "JOIN silver.patient AS p ON p.patient_key = m.patient_key WHERE p.is_current",
    )
    assert found["n"] == 0


def test_typed_values_of_parquet_mean_what_texts_of_csv_mean(lake, tmp_path):
    """A decimal keeps its point, a date and a local time their value, whatever texts look like."""
    csv(lake, tmp_path, "members.csv", HEADER, "M1;A1;1234567,89;05/07/2024;05/07/2024 10:00;no;OPEN;a@b")
    typed = {
        "Member No": "M2",
        "Patient": "A1",
        "Fee": Decimal("1234567.89"),
        "Since": date(2024, 7, 5),
        "Changed": datetime(2024, 7, 5, 10),  # noqa: DTZ001 - local on purpose
        "Active": False,
        "State": "OPEN",
        "E-mail": "a@b",
    }
    texts = {**typed, "Member No": "M3", "Fee": "1.234.567,89", "Since": "05/07/2024", "Active": "no"}
    for number, each in enumerate([typed, texts]):
        pq.write_table(pa.Table.from_pylist([each]), tmp_path / f"members_{number}.parquet")
        lake.ingest(tmp_path / f"members_{number}.parquet", kind="parquet")
    assert counted(lake.run("silver.member"), "silver.member") == (3, 3, 0)
    of_each = {"member_id", "number", "known_at", "commit_id"}
    rows = [
        {name: value for name, value in row.items() if name not in of_each}
        for row in rows_of(lake, "SELECT * FROM silver.member")
    ]
    assert rows[0]["fee"] == Decimal("1234567.89")
    assert rows == [rows[0]] * 3


def test_a_renamed_column_is_the_same_field(lake, tmp_path):
    """A file that calls its columns by an alias goes on with the records of files before."""
    csv(lake, tmp_path, "members_1.csv", HEADER, "M1;A1;1,5;05/01/2024;05/01/2024 10:00;no;OPEN;")
    renamed = HEADER.replace("Member No", "MemberNumber").replace("Since", "Start")
    csv(lake, tmp_path, "members_2.csv", renamed, "M1;A1;2,5;06/01/2024;06/01/2024 10:00;no;SHUT;")
    lake.run(*MEMBERS)
    (row,) = rows_of(lake, "SELECT number, fee, since, state FROM silver.member")
    assert (row["number"], str(row["fee"]), str(row["since"]), row["state"]) == (
        "M1",
        "2.50",
        "2024-01-06",
        "SHUT",
    )
    versions = rows_of(lake, "SELECT state, is_current FROM silver.member_version ORDER BY last_updated")
    assert [tuple(each.values()) for each in versions] == [("OPEN", False), ("SHUT", True)]


def test_the_source_says_that_a_record_is_gone(lake, tmp_path):
    """A row that voids a record ends it; an older one that comes later does not bring it back."""
    csv(lake, tmp_path, "members_1.csv", HEADER, "M1;A1;1,5;05/01/2024;05/01/2024 10:00;no;OPEN;")
    lake.run(*MEMBERS)
    csv(lake, tmp_path, "members_2.csv", HEADER, "M1;A1;;;07/01/2024 10:00;;VOID;")
    lake.run(*MEMBERS)
    csv(lake, tmp_path, "members_3.csv", HEADER, "M1;A1;3,5;06/01/2024;06/01/2024 10:00;no;OPEN;")
    lake.run(*MEMBERS)
    (row,) = rows_of(lake, "SELECT deleted, fee, number FROM silver.member")
    assert row == {"deleted": True, "fee": None, "number": None}
    versions = rows_of(lake, "SELECT deleted, is_current FROM silver.member_version ORDER BY last_updated")
    assert [tuple(each.values()) for each in versions] == [(False, False), (False, False), (True, True)]


def test_a_run_over_the_same_records_does_nothing(lake, tmp_path):
    """Without new records a step rests; run in full, it finds everything unchanged."""
    csv(lake, tmp_path, "members.csv", HEADER, "M1;A1;1,5;05/01/2024;05/01/2024 10:00;no;OPEN;")
    lake.run(*MEMBERS)
    before = lake.table("silver.member").to_pylist()
    assert counted(lake.run(*MEMBERS), "silver.member") == (0, 0, 0)
    (step,) = [each for each in lake.run(*MEMBERS, full=True).steps if each.dataset == "silver.member"]
    assert (step.read, step.landed, step.unchanged) == (1, 0, 1)
    assert lake.table("silver.member").to_pylist() == before


def test_the_system_of_an_identifier_is_the_contracts(lake, tmp_path, put):
    """A patient who bears the same value under another system is another one."""
    other = {"identifier": [{"system": f"{MRN}:other", "value": "A1"}]}
    put(lake, patient("p1", **other))
    csv(lake, tmp_path, "members.csv", HEADER, "M1;A1;1;05/01/2024;05/01/2024 10:00;no;OPEN;")
    lake.run()
    assert rows_of(lake, "SELECT unresolved_references AS n FROM silver.member") == [{"n": 1}]


def test_a_replay_says_what_it_does_not_try(lake, contracts_of_records, tmp_path, monkeypatch, capsys):
    """Rows that ingest refused stay and are told of, with what to do; those that silver refused are tried."""
    row = "M{};A1;{};05/01/2024;05/01/2024 10:00;no;{};"
    csv(lake, tmp_path, "members.csv", HEADER, "M1;A1", row.format(2, "1,5", "open"))
    lake.run(*MEMBERS)
    accounts = {each.dataset: each for each in lake.replay("bronze.record", "silver.member").datasets}
    ragged, lower = accounts["bronze.record"], accounts["silver.member"]
    assert (ragged.waiting, ragged.cleared, ragged.refused, ragged.untried) == (1, 0, 1, 1)
    assert "ingest it again" in ragged.next_step
    assert (lower.waiting, lower.refused, lower.untried, lower.next_step) == (1, 1, 0, None)

    monkeypatch.setenv("A360_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("A360_CONTRACTS", str(contracts_of_records))
    monkeypatch.setattr(_face, "_logging", True)
    assert run(["quarantine", "replay", "bronze.record"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "1 of bronze.record were not tried, for a replay cannot: mend the file or its contract" in told
    assert run(["quarantine", "replay", "bronze.record", "--json"]) == 0
    [account] = json.loads(capsys.readouterr().out)["datasets"]
    assert (account["untried"], account["next_step"]) == (1, ragged.next_step)
