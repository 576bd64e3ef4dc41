"""What is written beside the FHIR export: consistent with it, flawed as told, and switchable."""

import csv
import io
import json
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from a360.errors import UsageError
from a360.synth import FLAW_KINDS, OTHER_EXTENSION, OTHER_KINDS, generate

MRN = "https://aesthetics360.example/identifier/mrn"


def sheets(folder, pattern):
    """The rows of CSV extracts of one kind, totals left out."""
    for file in sorted(folder.glob(f"extracts/{pattern}*.csv")):
        raw = file.read_bytes()
        text = raw.decode("cp1252" if b";" in raw[:200] else "utf-8-sig")
        lines = text.split("\r\n")[1:] if text.startswith("Lager") else text.split("\r\n")
        for row in csv.DictReader(io.StringIO("\n".join(lines)), delimiter=";" if b";" in raw[:200] else ","):
            if next(iter(row.values())) not in {"Total", "TOTAL", "Summe"}:
                yield row


def events(folder, pattern):
    """The events of one kind."""
    for file in sorted(folder.glob(f"events/{pattern}*.ndjson")):
        yield from map(json.loads, file.read_text().splitlines())


@pytest.fixture(scope="module")
def numbers(clean_resources):
    """The record numbers of all patients."""
    return {
        identifier["value"]
        for patient in clean_resources["Patient"]
        for identifier in patient["identifier"]
        if identifier["system"] == MRN
    }


def test_fhir_does_not_change_with_what_is_beside_it(tmp_path):
    """Every FHIR file is the same byte for byte, whatever is written beside it."""
    files = {}
    for name, kinds in (("none", ()), ("all", OTHER_KINDS)):
        generate(tmp_path / name, patients=15, seed=3, kinds=kinds)
        files[name] = {path.name: path.read_bytes() for path in (tmp_path / name).glob("*.ndjson")}
    assert files["none"] == files["all"]
    assert not [path for path in (tmp_path / "none").iterdir() if path.is_dir()]


def test_each_kind_has_its_folder(tmp_path):
    """The kinds asked for are there, each in a folder of its name, and are told in the manifest."""
    report = generate(tmp_path, patients=20, seed=3, kinds=["events", "notes"])
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"events", "notes"}
    told = json.loads((tmp_path / "manifest.json").read_text())["extension"][OTHER_EXTENSION]
    assert told == report.other["files"]
    with pytest.raises(UsageError, match="kind of files"):
        generate(tmp_path, patients=1, seed=1, kinds=["faxes"])


def test_another_choice_of_kinds_removes_the_earlier_files(tmp_path):
    """What an earlier run wrote beside the export is gone after the next; other people's files stay."""
    generate(tmp_path, patients=20, seed=3)
    (tmp_path / "events" / "mine.txt").write_text("kept")
    generate(tmp_path, patients=20, seed=3, kinds=["notes"])
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"events", "notes"}
    assert [path.name for path in (tmp_path / "events").iterdir()] == ["mine.txt"]


def test_everybody_in_the_books_is_a_patient(clean, numbers):
    """Every record number in extracts, events, notes and pictures is that of a patient of the export."""
    for pattern, column in (("memberships", "Patient MRN"), ("packages", "Patient MRN")):
        assert {row[column] for row in sheets(clean.folder, pattern)} <= numbers
    assert {row.get("Patient MRN") or row["MRN"] for row in sheets(clean.folder, "payments")} <= numbers
    assert {row["Patient MRN"] for row in sheets(clean.folder, "leads")} - {""} <= numbers
    assert {event["user"]["mrn"] for event in events(clean.folder, "app_events")} <= numbers
    assert {event["mrn"] for event in events(clean.folder, "sensor_readings")} <= numbers
    for name in ("notes/notes.csv", "photos/attachments.csv"):
        rows = csv.DictReader((clean.folder / name).read_text().splitlines())
        assert {row["patient_identifier"].removeprefix(f"{MRN}|") for row in rows} <= numbers


def test_money_belongs_to_what_was_sold_and_done(clean, clean_resources):
    """Payments name visits, memberships, packages that are there; refunds give back no more than paid."""
    payments = {row.get("Payment No") or row["Receipt"]: row for row in sheets(clean.folder, "payments")}
    visits = {v["identifier"][0]["value"] for v in clean_resources["Encounter"]}
    members = {
        row.get("Member No") or row["Membership Number"] for row in sheets(clean.folder, "memberships")
    }
    packages = {row["Package No"] for row in sheets(clean.folder, "packages")}
    refunded = Counter()
    for row in payments.values():
        assert {row["Visit No"]} <= visits | {""}
        assert {row["Membership No"]} <= members | {""}
        assert {row["Package No"]} <= packages | {""}
        if row["Kind"] == "refund":
            paid = payments[row["Refund Of"]]
            assert row["Paid At"] > paid["Paid At"]
            refunded[row["Refund Of"]] += cents(row)
            assert refunded[row["Refund Of"]] <= cents(paid)
    assert refunded


def cents(payment):
    """The amount of a payment."""
    return int((payment.get("Amount") or payment["Total"]).replace(",", "").replace(".", ""))


def test_stock_covers_what_was_given(clean, clean_resources):
    """No lot was used more often than it came, and nearly every lot that was given is in stock."""
    used = Counter(
        (extension["valueString"])
        for procedure in clean_resources["Procedure"]
        for extension in procedure["extension"]
        if extension["url"].endswith("/lot-number")
    )
    last = {row["Charge"]: row for row in sheets(clean.folder, "inventory_lots")}
    for number, row in last.items():
        came, left = (int(row[name].split(",")[0]) for name in ("Menge", "Bestand"))
        assert came - left == used[number]
    missing = set(used) - set(last)
    assert len(missing) == clean.report.other["traits"]["inventory_lot"]["lots"]
    assert 0 < len(missing) < 0.1 * len(used)


def test_pictures_are_of_patients_who_agree(clean, clean_resources):
    """No picture is taken of a patient without an active consent to photography."""
    agreed = set()
    for consent in clean_resources["Consent"]:
        kinds = {coding["code"] for coding in consent["category"][0]["coding"]}
        if "photography" in kinds and consent["status"] == "active":
            agreed.add(re.split(r"[/:|]", consent["patient"].get("reference", ""))[-1])
    ids = {}
    for patient in clean_resources["Patient"]:
        ids[next(i["value"] for i in patient["identifier"] if i["system"] == MRN)] = patient["id"]
    rows = list(csv.DictReader((clean.folder / "photos/attachments.csv").read_text().splitlines()))
    shown = [ids[r["patient_identifier"].split("|")[1]] for r in rows if r["kind"] in {"before", "after"}]
    assert shown
    assert sum(patient in agreed for patient in shown) / len(shown) > 0.9  # some references are searches


def test_pictures_tell_where_they_were_taken(clean):
    """A picture is a JPEG with a camera, a time and a place inside; a form is a PDF."""
    with Image.open(next(clean.folder.glob("photos/*.jpg"))) as picture:
        exif = picture.getexif()
        assert exif[0x0110] == "Dermacam 2"
        assert exif.get_ifd(0x8825)[2]
    assert next(clean.folder.glob("photos/*.pdf")).read_bytes().startswith(b"%PDF-1.4")


def test_clean_books_have_no_flaw(clean):
    """Without dirt nothing is flawed: what is left to cope with are late and repeated events, lost files."""
    assert clean.report.other["flaws"] == {}
    assert {"late", "sent_again"} <= set(clean.report.other["traits"]["app_event"])


def test_flaws_leave_everything_else_as_it_was(clean, dirty):
    """The flawed books differ from the clean ones in as many rows as were counted."""
    told = dirty.report.other["flaws"]
    assert (
        told
        == dirty.manifest["extension"]["https://aesthetics360.example/StructureDefinition/synthetic"]["flaws"]
    )
    files = [e["url"] for kind in ("extracts", "events") for e in dirty.report.other["files"][kind]]
    strange = Counter()
    for name in files:
        if not name.endswith(".parquet"):
            lines = [Counter((one.folder / name).read_bytes().splitlines()) for one in (dirty, clean)]
            strange += lines[0] - lines[1]
    totals = len([name for name in files if re.search(r"payments|packages|inventory.*06-30", name)])
    assert abs(strange.total() - sum(map(sum, map(dict.values, told.values())))) <= totals


def test_every_flaw_occurs_and_is_documented(dirty):
    """A large flawed export has every kind of flaw, and the documentation says what becomes of each."""
    told = Counter()
    for counts in dirty.report.other["flaws"].values():
        told.update(counts)
    assert set(told) == {kind.name for kind in FLAW_KINDS}
    text = (Path(__file__).resolve().parents[2] / "docs" / "synth.md").read_text()
    assert all(f"| `{kind.name}` | {kind.meaning} | {kind.fate} |" in text for kind in FLAW_KINDS)


def test_late_events_were_received_days_later(clean):
    """Each late event was received days after it happened; all others within minutes."""
    late = 0
    for event in events(clean.folder, "app_events"):
        waited = date.fromisoformat(event["received_at"][:10]) - date.fromisoformat(event["occurred_at"][:10])
        late += waited.days > 1
    assert late == clean.report.other["traits"]["app_event"]["late"] + sum(
        1 for _ in repeats_of_late(clean.folder)
    )


def repeats_of_late(folder):
    """Events that were sent late and then again."""
    seen = set()
    for event in events(folder, "app_events_late"):
        if event["event_id"] in seen:
            yield event
        seen.add(event["event_id"])
