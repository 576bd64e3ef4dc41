"""Releases of a whole lake: who may let one out, what leaves, and what is on record of it."""

import errno
import json
import shutil
from datetime import date, timedelta

import pyarrow.parquet as pq
import pytest
import yaml
from fhir_samples import patient
from lakes import rows_of
from small_contracts import change, column, gold, write

import a360
from a360.errors import DataError, DeniedError, OperatorError, UsageError
from a360.trust.audit import ReportOptions, Search, VerifierKey, is_certified, open_certified, report, search
from a360.trust.release import _release, measured_again

MODEL = """
SELECT p.patient_key, p.gender, p.birth_date, CAST(p.birth_date + INTERVAL '100' DAY AS DATE) AS seen_date
FROM silver.patient AS p
WHERE p.is_current AND NOT p.deleted AND p.replaced_by IS NULL
"""
COUNT = "SELECT (SELECT COUNT(*) FROM gold.{0}) - (SELECT COUNT(*) FROM silver.patient WHERE is_current \
AND NOT deleted AND replaced_by IS NULL)"
RELEASES = {
    "strict": ({"profile": "safe_harbor"}, {"birth_date": "year", "seen_date": "year"}),
    "safe": ({"profile": "safe_harbor", "suppress": 0.1}, {"birth_date": "age_band", "seen_date": "year"}),
    "loose": ({"profile": "limited", "agreement": "DUA-7"}, {"birth_date": None, "seen_date": None}),
    "moved": (
        {"profile": "expert", "determination": "E-1", "quasiIdentifiers": ["gender"], "suppress": 0.1},
        {"birth_date": "date_shift", "seen_date": "date_shift"},
    ),
}
BORN = [date(1980, 1, 1) + timedelta(days=97 * number) for number in range(12)]


def contract(name):
    """The contract of one of the releases."""
    release, methods = RELEASES[name]
    columns = [
        column("patient_key", key=1, sensitivity="identifier"),
        column("gender", sensitivity="phi"),
        column("birth_date", "date", sensitivity="phi"),
        column("seen_date", "date", sensitivity="phi"),
    ]
    elements = {"patient_key": "patient", "gender": "value", "birth_date": "birth_date", "seen_date": "date"}
    for each in columns:
        element, method = elements[each["name"]], methods.get(each["name"])
        told = {"element": element, "method": method} if method else element
        each["customProperties"].append({"property": "a360.release", "value": told})
    made = gold(name, "replace", columns, COUNT.format(name))
    made["customProperties"].append({"property": "a360.release", "value": release})
    return made


@pytest.fixture(scope="module")
def releasing(contracts, tmp_path_factory):
    """Contracts of the small lake with three releases more, and a role that may let two of them out."""
    folder = tmp_path_factory.mktemp("releasing") / "contracts"
    shutil.copytree(contracts, folder)
    for name in RELEASES:
        (folder / "models" / f"{name}.sql").write_text(MODEL)
        write(folder / "gold" / f"{name}.yaml", contract(name))
    lake = yaml.safe_load((folder / "lake.yaml").read_text())
    every = ["public", "operational", "phi", "identifier"]
    lake["grants"].append(
        {
            "role": "privacy_officer",
            "actions": ["release"],
            "purposes": ["research"],
            "datasets": ["gold.safe", "gold.strict", "gold.moved"],
            "sensitivities": every,
        }
    )
    write(folder / "lake.yaml", lake)
    change(folder / "gold" / "safe.yaml", lambda _: None)
    return folder


@pytest.fixture(scope="module")
def lake(releasing, put, tmp_path_factory):
    """A lake of twelve patients, and one more who is 96 years old."""
    with a360.open(tmp_path_factory.mktemp("lake") / "lake", contracts=releasing) as lake:
        born = [patient(f"p{number}", birthDate=str(day)) for number, day in enumerate(BORN)]
        put(lake, *born, patient("p99", gender="male", birthDate="1930-05-01"))
        lake.run(*(f"gold.{name}" for name in RELEASES))
        yield lake


@pytest.fixture(scope="module")
def officer(lake, releasing):
    """The same lake, opened for who may let releases out."""
    with a360.open(lake.path, contracts=releasing, principal="privacy_officer", purpose="research") as other:
        yield other


def records(lake, **wanted):
    """What is on record."""
    return search(lake.audit.folder, Search(**wanted)).read_all().to_pylist()


def test_a_release_leaves_masked_coded_and_certified(lake, officer, tmp_path):
    """Births by tens, dates by years, codes of no token, files of the owner's alone, a signed certificate."""
    told_of = officer.releases.write("gold.safe", tmp_path / "out", recipient="A University")
    left = pq.read_table(tmp_path / "out" / "safe.parquet").to_pylist()
    tokens = {row["patient_key"] for row in rows_of(lake, "SELECT patient_key FROM silver.patient")}
    assert {(row["birth_date"].isoformat(), row["gender"]) for row in left} == {
        ("1980-01-01", "female"),
        ("1930-01-01", None),
    }
    assert {row["seen_date"].timetuple().tm_yday for row in left} == {1}
    assert len({row["patient_key"] for row in left} - tokens) == len(left) == 13
    assert {(tmp_path / "out" / name).stat().st_mode & 0o777 for name in told_of.files} == {0o600}
    content = (tmp_path / "out" / "certificate.json").read_bytes()
    note = (tmp_path / "out" / "certificate.sig").read_text()
    told = json.loads(content)
    assert (told["rows"], told["suppressed_values"], told["contract_version"]) == (13, 1, "1.0.0")
    key = VerifierKey.parse(lake.audit.key.text)
    assert is_certified(content, note, key)
    assert not is_certified(content + b" ", note, key)


def test_codes_of_two_releases_have_nothing_in_common(officer, tmp_path):
    """They are drawn for one release, and derived from nothing."""
    codes = []
    for name in ("one", "two"):
        officer.releases.write("gold.safe", tmp_path / name, recipient="A University", form="csv")
        lines = (tmp_path / name / "safe.csv").read_text().splitlines()[1:]
        codes.append({line.split(",")[0] for line in lines})
    assert not codes[0] & codes[1]


def test_an_expert_s_release_moves_the_dates_of_a_patient_together(officer, tmp_path):
    """Intervals stay, days do not; the class that is too small is left out, and counted."""
    made = officer.releases.write("gold.moved", tmp_path / "out", recipient="A University")
    left = pq.read_table(tmp_path / "out" / "moved.parquet").to_pylist()
    assert (made.figures.k, made.figures.suppressed_rows, len(left)) == (12, 1, 12)
    assert {row["seen_date"] - row["birth_date"] for row in left} == {timedelta(days=100)}
    moved = sorted(row["birth_date"] for row in left)
    assert all(BORN[0] - timedelta(days=365) <= each < BORN[-1] for each in moved)
    assert not set(moved) >= set(BORN)


def test_what_does_not_meet_its_method_stays_and_is_told_without_values(lake, officer, tmp_path):
    """Columns, rules and counts; no folder, and it is on record that it failed."""
    with pytest.raises(DataError) as refused:
        officer.releases.write("gold.strict", tmp_path / "out", recipient="A University")
    assert refused.value.code.slug == "release-refused"
    assert "birth_date: 1 births tell of an age over 89" in str(refused.value.found)
    assert "1930" not in str(refused.value)
    assert not (tmp_path / "out").exists()
    assert [each["outcome"] for each in records(lake, action="release", object="gold.strict")] == ["failed"]


def test_a_release_accounts_for_whom_it_tells_of(lake, officer, tmp_path):
    """The record names recipient and purpose, and has a pseudonym for each patient."""
    officer.releases.write("gold.moved", tmp_path / "out", recipient="A University")
    allowed, done = records(lake, action="release", object="gold.moved")[-2:]
    assert (allowed["outcome"], done["outcome"], allowed["purpose"]) == ("allowed", "done", "research")
    assert json.loads(allowed["details"])["recipient"] == "A University"
    assert len(allowed["subjects"].split(",")) == 12


def test_a_release_of_many_names_each_patient_in_as_many_records_as_they_take(
    lake, officer, tmp_path, monkeypatch
):
    """An accounting finds the release for any of them, whatever one record may hold, with the snapshot."""
    monkeypatch.setattr(_release, "_SUBJECTS_AT_ONCE", 5)
    officer.releases.write("gold.moved", tmp_path / "out", recipient="A University")
    *allowed, done = records(lake, action="release", object="gold.moved")[-4:]
    assert [len(each["subjects"].split(",")) for each in allowed] == [5, 5, 2]
    assert len({each["request"] for each in (*allowed, done)}) == 1
    told = json.loads((tmp_path / "out" / "certificate.json").read_text())
    snapshots = {json.loads(each["details"])["snapshot"] for each in (*allowed, done)}
    assert snapshots == {told["snapshots"]["gold.moved"]}
    for key in left_of(lake):
        options = ReportOptions(subject=lake.audit.subject(key), everything=True)
        [mine] = [
            each
            for each in report(lake.audit.folder, "disclosures", options).to_pylist()
            if each["request"] == done["request"]
        ]
        assert (mine["concerned"], mine["row_count"]) == ("certain", 12)


def left_of(lake):
    """The patients who are in the release that moves dates."""
    rows = rows_of(lake, "SELECT patient_key FROM silver.patient WHERE birth_date >= DATE '1980-01-01'")
    return [row["patient_key"] for row in rows]


def test_a_certificate_tells_of_what_was_read_and_who_really_asked(lake, officer, put, tmp_path, monkeypatch):
    """A dataset that is made anew while it leaves, of newer data, certifies what was read, and both names."""
    before = {each: lake.history(each)[0].snapshot_id for each in ("gold.safe", "silver.patient")}
    judge = _release.judge

    def meanwhile(*given):
        put(lake, patient("p99", gender="male", birthDate="1930-05-01", language="en"))
        lake.run("gold.safe", full=True)
        return judge(*given)

    monkeypatch.setattr(_release, "judge", meanwhile)
    officer.releases.write("gold.safe", tmp_path / "out", recipient="A University")
    told = json.loads((tmp_path / "out" / "certificate.json").read_text())
    assert all(lake.history(each)[0].snapshot_id != snapshot for each, snapshot in before.items())
    assert told["snapshots"] == before
    assert told["acting_as"] == "privacy_officer"
    assert told["released_by"] == records(lake, action="release")[-1]["acting_for"]


def test_a_release_that_breaks_off_leaves_no_folder(officer, tmp_path, monkeypatch):
    """Neither half of it, nor what looks whole."""

    def full(*_):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(_release, "certificate", full)
    with pytest.raises(OperatorError, match="cannot be written"):
        officer.releases.write("gold.safe", tmp_path / "out", recipient="A University")
    assert list(tmp_path.iterdir()) == []


def test_nobody_releases_what_no_grant_says(lake, officer, tmp_path):
    """Neither the owner, nor the officer what is not granted, nor anybody for another purpose."""
    with pytest.raises(DeniedError):
        lake.releases.write("gold.safe", tmp_path / "a", recipient="A University")
    with pytest.raises(DeniedError):
        officer.releases.write("gold.loose", tmp_path / "b", recipient="A University")
    denied = records(lake, action="release", outcome="denied")
    assert [each["objects"] for each in denied] == ["gold.safe", "gold.loose"]
    assert list(tmp_path.iterdir()) == []


def test_what_no_contract_makes_a_release_stays(officer, tmp_path):
    """A gold dataset by itself is none."""
    with pytest.raises(UsageError, match="not made to be let out"):
        officer.releases.write("gold.patient_counts", tmp_path, recipient="A University")


def certified(folder, lake):
    """What speaks against a release."""
    found = open_certified(folder, VerifierKey.parse(lake.audit.key.text))
    return [*found.faults] or [*measured_again(folder, found.told)]


@pytest.fixture(scope="module")
def left(officer, tmp_path_factory):
    """A release that moves dates, as CSV, and one by years, as Parquet."""
    folder = tmp_path_factory.mktemp("left")
    officer.releases.write("gold.moved", folder / "moved", recipient="A University", form="csv")
    officer.releases.write("gold.safe", folder / "safe", recipient="A University")
    return folder


@pytest.mark.parametrize("name", ["moved", "safe"])
def test_a_release_is_what_its_certificate_says(lake, left, name):
    """Signature, digests, columns, figures and looks, from the folder alone."""
    assert certified(left / name, lake) == []


def test_what_was_changed_in_a_release_is_found(lake, left, tmp_path):
    """A file, the certificate, the note, a file too many, and a key that signed something else."""

    def after(change):
        folder = tmp_path / "copy"
        shutil.copytree(left / "moved", folder)
        change(folder)
        found = certified(folder, lake)
        shutil.rmtree(folder)
        return found

    assert after(lambda folder: (folder / "moved.csv").unlink()) == ["moved.csv: missing"]
    assert after(lambda folder: (folder / "moved.csv").write_text("x")) == [
        "moved.csv: changed, its SHA-256 is another"
    ]
    assert after(lambda folder: (folder / "more.csv").write_text("x")) == ["more.csv: in no certificate"]
    content = (left / "moved" / "certificate.json").read_text().replace("E-1", "E-2")
    [fault] = after(lambda folder: (folder / "certificate.json").write_text(content))
    assert "certificate.sig is not over it" in fault
    [fault] = after(lambda folder: (folder / "certificate.sig").unlink())
    assert "no note signs it" in fault
    with pytest.raises(OperatorError, match="no certificate"):
        certified(tmp_path, lake)


def test_figures_are_measured_anew_from_the_files(lake, left, tmp_path):
    """Rows that were left out of the files, or a column that may not leave, signed or not, are told."""
    told = json.loads((left / "moved" / "certificate.json").read_text())
    folder = shutil.copytree(left / "moved", tmp_path / "copy")
    lines = (folder / "moved.csv").read_text().splitlines(keepends=True)
    (folder / "moved.csv").write_text("".join(lines[:-2]))
    assert list(measured_again(folder, told)) == [
        "rows is 10, and certified as 12",
        "patients is 10, and certified as 12",
        "k is 10, and certified as 12",
        "k is 10, and 11 is required",
        "moved.csv: gender: 10 values are had by fewer than 11",
    ]
    (folder / "moved.csv").write_text("".join(line.replace("\n", ",name\n") for line in lines))
    assert list(measured_again(folder, told)) == ["moved.csv: columns that may not leave: name; missing: "]
