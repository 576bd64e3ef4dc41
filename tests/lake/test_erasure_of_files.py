"""Erasure of what is no FHIR resource: pictures, notes, rows of extracts; others' files open as before."""

import json

import pytest
from lakes import CONTRACTS, rows_of, write_ndjson
from PIL import Image

import a360
from a360.errors import OperatorError, UsageError
from a360.protect import open_block

MRN = "https://aesthetics360.example/identifier/mrn"
COLUMNS = (
    "Payment No,Kind,Status,Clinic,Patient MRN,Visit No,Membership No,Package No,"
    "Amount,Currency,Method,Paid At,Refund Of,Original Amount,Item"
)


def album(folder):
    """A picture and a note of each of two patients, and their payments."""
    folder.mkdir()
    for number, name in enumerate(("a", "b")):
        Image.new("RGB", (8, 6), (60 * number, 9, 9)).save(folder / f"{name}.jpg")
    rows = [
        {"attachment_id": f"x-{name}", "kind": "before", "patient": name, "file": f"{name}.jpg"}
        for name in "ab"
    ]
    (folder / "attachments.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    notes = folder.with_name("notes")
    notes.mkdir()
    for name in "ab":
        text = f"---\npatient: {name}\nnote_id: n-{name}\n---\nPlan of canary-{name}.\n"
        (notes / f"{name}.md").write_text(text)
    payments = folder.with_name("payments.csv")
    lines = [
        f"pay-{name},treatment,completed,,MRN-000{name},,,,120.50,USD,card,"
        f"2026-03-01T09:00:00+01:00,,,canary-{name}"
        for name in "ab"
    ]
    payments.write_text("\n".join([COLUMNS, *lines, "TOTAL,2"]) + "\n")
    return folder, notes, payments


@pytest.fixture(scope="module")
def erased(tmp_path_factory):
    """A lake with two patients, one of whom is erased, and what the erasure told."""
    folder = tmp_path_factory.mktemp("files")
    photos, notes, payments = album(folder / "photos")
    patients = [
        {
            "resourceType": "Patient",
            "id": name,
            "identifier": [{"system": MRN, "value": f"MRN-000{name}"}],
            "name": [{"family": f"canary-{name}"}],
        }
        for name in "ab"
    ]
    with a360.open(folder / "lake", contracts=CONTRACTS) as lake:
        lake.ingest(write_ndjson(folder / "in", patients))
        lake.ingest(photos, kind="attachments")
        lake.ingest(notes, kind="notes")
        lake.ingest(payments, kind="csv")
        lake.run("silver.attachment", "silver.note", "silver.payment")
        yield lake, lake.erasures.erase(lake.erasures.key_of("default", "a"))


def test_records_and_notes_go(erased):
    """Rows of extracts, manifests and notes are gone from silver and from bronze; others' are there."""
    lake, done = erased
    assert {name: done.rows[name] for name in ("bronze.record", "silver.payment", "silver.note")} == {
        "bronze.record": 2,
        "silver.payment": 1,
        "silver.note": 1,
    }
    assert {row["payment_id"] for row in rows_of(lake, "SELECT payment_id FROM silver.payment")} == {"pay-b"}
    clear = b"".join(
        open_block(lake._parts.sealer, row["block_id"], row["payload"]).text
        for table in ("bronze.fhir_block", "bronze.record_block")
        for row in lake.tables.read(table).to_pylist()
    )
    assert b"canary-b" in clear
    assert b"canary-a" not in clear
    assert b"MRN-000a" not in clear


def test_files_go_with_their_keys_and_others_open(erased, tmp_path):
    """The picture is gone and its key destroyed; another patient's picture and note open as before."""
    lake, done = erased
    assert done.objects == 1
    assert len(list((lake.path / "warehouse/objects").glob("*/*.a3o"))) == 1
    lake.attachments.get("x-b", tmp_path / "b.jpg")
    assert "canary-b" in lake.note_text("n-b")
    with pytest.raises(UsageError):
        lake.attachments.get("x-a", tmp_path / "a.jpg")
    for key in json.loads((lake.path / "erasures" / f"{done.erasure_id}.json").read_text())["destroyed_keys"]:
        with pytest.raises(OperatorError):
            lake._parts.keys.data_key(key)
