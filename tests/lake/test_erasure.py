"""Erasure: a patient is nowhere any more, everybody else as before, and a call cut short is completed."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from erasure_samples import PLANTED, REFUSED, RESOURCES, bring, bytes_under, everything, opened, patient
from lakes import only, rows_of

import a360
from a360.errors import DeniedError, OperatorError, UsageError
from a360.failpoints import ENV, FailpointError
from a360.protect import open_block


@pytest.fixture(scope="module")
def erased(tmp_path_factory, contracts):
    """A lake that has erased one of four patients, what it was before, and a backup without keys."""
    folder = tmp_path_factory.mktemp("erased")
    with a360.open(folder / "lake", contracts=contracts) as lake:
        bring(lake, folder / "in", [*RESOURCES, REFUSED])
        lake.run()
        lake.tag("before", "silver.patient")
        key, merged = (lake.erasures.key_of("default", each) for each in ("a", "a2"))
        before = everything(lake, key, merged)
        shutil.copytree(lake.path / "warehouse", folder / "backup")
        looked = lake.erasures.look(key)
        assert everything(lake, key, merged) == before
        done = lake.erasures.erase(key, cause="request 17")
        yield lake, key, before, looked, done, folder


def test_a_dry_run_says_what_goes(erased):
    """What is announced is what goes: rows by dataset, blocks, and resources of others that name them."""
    lake, key, _, looked, done, _ = erased
    assert looked.rows == done.rows
    assert done.rows["bronze.fhir_resource"] == 7  # two patients, 3 observations, an encounter, an account
    assert done.rows["quarantine.fhir_resource"] == 1
    assert done.masked == 2
    assert looked.certificate is None
    # Records that were merged go together.
    assert done.patients == sorted([key, lake.erasures.key_of("default", "a2")])


def test_no_byte_of_the_patient_is_left(erased):
    """Neither the files of the lake, nor what its keys open, nor the past of its tables tell of them."""
    lake, key, _, _, _, _ = erased
    sought = [*(each.encode() for each in PLANTED), key.encode(), b"Patient/a"]
    for text in (*bytes_under(lake.path), *opened(lake)):
        assert not [each for each in sought if each in text]
    for name in lake.tables.list():
        if name.startswith(("bronze.", "silver.", "gold.")) and lake.tables.current_snapshot_id(name):
            assert len({each.commit_id for each in lake.tables.snapshots(name)}) == 1
    assert lake.tables.tags(["silver.patient"]) == []


def test_a_backup_without_keys_does_not_open_any_more(erased):
    """The key of the batch is destroyed: ciphertext of before tells of nobody, however old the copy."""
    lake, _, _, _, done, folder = erased
    sealed = [
        row
        for path in (folder / "backup/bronze/fhir_block/data").rglob("*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    assert sealed
    for row in sealed:
        with pytest.raises(OperatorError) as raised:
            open_block(lake._parts.sealer, row["block_id"], row["payload"])
        assert raised.value.code.slug == "key-destroyed"
    assert done.keys >= 3


def test_everybody_else_is_as_before(erased):
    """No other row differs, nothing is to be computed anew, and a full run makes the same of what is left."""
    lake, key, before, _, _, _ = erased
    after = everything(lake, key)
    # What is counted over all, and how large blocks are.
    whole = {"gold.practitioner_counts", "bronze.fhir_block"}
    assert {name: rows for name, rows in after.items() if name not in whole} == {
        name: [row for row in rows if '"acc1"' not in row]
        for name, rows in before.items()
        if name not in whole
    }
    assert not [step for step in lake.run().steps if step.commit_id]
    lake.run(full=True)
    assert {name: len(rows) for name, rows in everything(lake, key).items()} == {
        name: len(rows) for name, rows in after.items()
    }


def test_resources_of_others_go_on_without_the_name(erased):
    """The reference goes with its display; the rest stands as it was written, and in the same place."""
    lake, _, _, _, _, _ = erased
    lines = [json.loads(line) for text in opened(lake) for line in text.splitlines() if line != b"{}"]
    shared = only([each for each in lines if each.get("id") == "o-b-9"])
    assert shared["performer"][1] == {"reference": "Patient/b"}
    assert "display" not in shared["performer"][0]
    assert only([each for each in lines if each.get("id") == "g1"])["member"][0]["entity"]["extension"]


def test_the_certificate_names_nobody_and_is_on_record(erased):
    """It tells what went and how to recognise it, is signed, and its digest stands in the audit log."""
    lake, key, _, _, done, _ = erased
    path = Path(done.certificate)
    told = json.loads(path.read_text())
    assert set(told["subjects"]) == {lake.audit.subject(each) for each in done.patients}
    assert lake.audit.subject(key) in told["subjects"]
    assert all(len(each["sha256"]) == 64 for each in told["deleted_files"])
    assert not any((lake.path / each["path"]).exists() for each in told["deleted_files"])
    assert path.with_suffix(".note").read_text()
    record = rows_of(lake, "SELECT * FROM ops.audit WHERE action = 'erase' AND outcome = 'done'")[-1]
    details = json.loads(record["details"])
    assert len(details["certificate"]) == 64
    assert details["keys"] == len(told["destroyed_keys"])
    told_before = rows_of(lake, "SELECT details FROM ops.audit WHERE action = 'keys.destroy'")
    on_record = {key for row in told_before for key in json.loads(row["details"])["destroyed_keys"].split()}
    assert on_record >= set(told["destroyed_keys"])
    assert not list(path.parent.glob("*.begun.*"))


def test_the_patient_does_not_come_back(erased):
    """The same file is known; another one with the patient leaves them out, counted and told."""
    lake, key, _, _, _, folder = erased
    again = lake.ingest(folder / "in")
    assert only(again.steps).landed == 0
    other = {"resourceType": "Account", "id": "acc2", "status": "active"}
    report = bring(lake, folder / "anew", [patient("a", gender="female"), patient("z"), RESOURCES[-1], other])
    step = only(report.steps)
    assert (step.landed, step.filtered) == (2, 2)
    assert [each for each in report.remarks if "erased: 2" in each]
    lake.run()
    assert key not in {row["patient_key"] for row in rows_of(lake, "SELECT patient_key FROM silver.patient")}


def test_a_hold_wins(erased):
    """While one stands nothing of the patient goes; who placed and released it is on record."""
    lake, _, _, _, _, _ = erased
    key = lake.erasures.key_of("default", "d")
    hold = lake.erasures.hold(key, "case 9/2026").hold
    with pytest.raises(DeniedError) as raised:
        lake.erasures.erase(key)
    assert raised.value.code.slug == "legal-hold"
    assert "case 9/2026" in [each.matter for each in lake.erasures.holds]
    lake.erasures.release(hold.hold_id)
    with pytest.raises(UsageError):
        lake.erasures.release(hold.hold_id)
    actions = [row["action"] for row in rows_of(lake, "SELECT action FROM ops.audit")]
    assert {"hold.place", "hold.release"} <= set(actions)


def test_what_names_nobody_is_refused(erased):
    """A name in a key's place, or as a cause, is refused and not told again."""
    lake, key, _, _, _, _ = erased
    with pytest.raises(UsageError) as raised:
        lake.erasures.look("Okafor-canary")
    assert "Okafor" not in str(raised.value)
    with pytest.raises(UsageError):
        lake.erasures.erase(key, cause="Okafor; she wants it")


def test_what_is_too_old_goes_but_for_who_is_held(erased):
    """Rows too old for their contract go the same way, out of bronze too; a hold keeps a patient's."""
    lake, _, _, _, _, _ = erased
    held = lake.erasures.key_of("default", "b")
    lake.erasures.hold(held, "case 10/2026")
    assert lake.erasures.look_aged().rows == {}
    assert lake.erasures.erase_aged() is None
    later = datetime.now(UTC) + timedelta(days=11 * 366)
    people = lake.tables.read("silver.patient").num_rows
    looked = lake.erasures.look_aged(later)
    done = lake.erasures.erase_aged(later)
    assert done.rows == looked.rows
    assert done.rows["silver.patient"] == people - 1
    assert {row["patient_key"] for row in lake.tables.read("silver.patient").to_pylist()} == {held}
    left = [row["subject_token"] for row in lake.tables.read("bronze.fhir_resource").to_pylist()]
    assert set(left) == {held, None}
    lines = b"".join(opened(lake))
    assert b"Lind-b" in lines
    assert b"Lind-c" not in lines
    assert json.loads(Path(done.certificate).read_text())["subjects"] == []
    again = lake.erasures.look_aged(later).rows
    assert not [name for name in again if not name.startswith("ops.")]
    lake.run(full=True)
    assert lake.tables.read("silver.patient").num_rows == 1


# In the order in which they are passed: each call gets one step further than the one before.
PLACES = (
    "erasure.rows-taken=raise@3",
    "erasure.blocks-resealed",
    "erasure.forget",
    "erasure.table-purged=raise@4",
    "erasure.certified",
)


def test_whoever_dies_is_completed(tmp_path, contracts, monkeypatch):
    """Cut short at any step, an erasure is completed by the next call; then it is as if nobody had died."""
    folder = tmp_path / "lake"
    with a360.open(folder, contracts=contracts) as lake:
        bring(lake, tmp_path / "in", [*RESOURCES, REFUSED])
        lake.run()
        key, merged = (lake.erasures.key_of("default", each) for each in ("a", "a2"))
        before = everything(lake, key, merged)
        calls = [lambda: lake.erasures.erase(key), *[lake.erasures.resume] * (len(PLACES) - 1)]
        for place, call in zip(PLACES, calls, strict=True):
            monkeypatch.setenv(ENV, place if "=" in place else f"{place}=raise")
            with pytest.raises(FailpointError):
                call()
        monkeypatch.delenv(ENV)
        done = only(lake.erasures.resume())
        assert lake.erasures.resume() == []
        sought = [*(each.encode() for each in PLANTED), key.encode(), b"Patient/a"]
        for text in (*bytes_under(lake.path), *opened(lake)):
            assert not [each for each in sought if each in text]
        after = everything(lake, key)
        assert {name: len(rows) for name, rows in after.items() if name.startswith("silver.")} == {
            name: len(rows) for name, rows in before.items() if name.startswith("silver.")
        }
        assert json.loads(Path(done.certificate).read_text())["rows"]["silver.patient"] == 2
