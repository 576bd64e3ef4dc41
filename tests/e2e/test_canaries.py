"""Nothing that identifies a patient lies in clear anywhere in a lake's folder, nor passes through it."""

import gzip
import json
import os
import subprocess
import sys
import threading
from base64 import b64encode
from contextlib import contextmanager, suppress
from signal import SIGKILL
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clear_text import contents, found_below
from fhir_samples import bundle, code, deletion, encounter, entry, observation, patient
from lakes import made_once, rows_of, write_ndjson

import a360
from a360.errors import OperatorError

pytestmark = pytest.mark.e2e

NUMBERS = range(50)
FAMILIES = [f"Quillfeather{n:02}" for n in NUMBERS]
PHONES = [f"5550177{n:04}" for n in NUMBERS]
RECORDS = [f"MRN70055{n:04}" for n in NUMBERS]
IDS = [f"wren-{n:02}-osprey" for n in NUMBERS]
# Whoever comes by other ways than as FHIR.
OTHERS = [f"Larkspur{n:02}" for n in range(20)]
OTHER_PHONES = [f"5550199{n:04}" for n in range(20)]
OTHER_RECORDS = [f"MRN80066{n:04}" for n in range(20)]
TOLD_APART = [*OTHERS, *OTHER_PHONES, *OTHER_RECORDS]
CANARIES = [*FAMILIES, *PHONES, *RECORDS, *IDS, *TOLD_APART]


def person(n, **more):
    """A patient who is named wherever FHIR lets one be named."""
    family = FAMILIES[n]
    return patient(
        IDS[n],
        identifier=[{"system": "urn:mrn", "type": code("MR"), "value": RECORDS[n]}],
        name=[{"family": family, "given": [f"Ada {family}"], "text": f"Ada {family}"}],
        telecom=[
            {"system": "phone", "value": PHONES[n]},
            {"system": "email", "value": f"{family}@x.example"},
        ],
        address=[{"line": [f"{n} {family} Street"], "city": f"{family}ville", "postalCode": RECORDS[n]}],
        contact=[{"name": {"family": family}, "telecom": [{"value": PHONES[n]}]}],
        text={"status": "generated", "div": f"<div>{family} {PHONES[n]}</div>"},
        **more,
    )


def told_of(n):
    """Resources that name a patient in references, searches, displays, notes and free text."""
    family, key = FAMILIES[n], IDS[n]
    subject = {"reference": f"Patient/{key}", "display": family}
    note = {"note": [{"text": f"{family}, call {PHONES[n]}"}]}
    inner = {**person(n), "id": f"in-{key}"}
    return [
        encounter(f"e{n}") | {"subject": subject},
        encounter(f"s{n}", f"Patient?identifier=urn:mrn|{RECORDS[n]}"),
        encounter(f"c{n}", f"#in-{key}", contained=[inner]),
        encounter(f"u{n}", f"Patient?identifier=urn:mrn|{RECORDS[n]}-unknown"),
        observation(f"o{n}", valueString=f"{family} {PHONES[n]} {RECORDS[n]}", **note) | {"subject": subject},
        {
            "resourceType": "DocumentReference",
            "id": f"t{n}",
            "status": "current",
            "subject": subject,
            "description": family,
            "content": [
                {
                    "attachment": {
                        "title": f"Consultation of {family}",
                        "contentType": "text/markdown",
                        "data": b64encode(
                            f"# Visit of {family}\n{family}, call {PHONES[n]}".encode()
                        ).decode(),
                    }
                }
            ],
        },
        {
            "resourceType": "RelatedPerson",
            "id": f"r-{key}",
            "patient": subject,
            "name": [{"family": family}],
            "telecom": [{"value": PHONES[n]}],
        },
    ]


def plant(folder):
    """Files that name the patients in their contents, in what is refused of them, and in their names."""
    folder.mkdir(parents=True)
    write_ndjson(folder, [person(n) for n in NUMBERS[:20]] + [each for n in NUMBERS for each in told_of(n)])
    for n in NUMBERS[20:30]:
        bare = folder / f"{FAMILIES[n]}_Ada_{IDS[n]}.json"
        bare.write_text(json.dumps(bundle(entry(person(n), f"https://emr.example/{RECORDS[n]}/{IDS[n]}"))))
    refused = [person(n, gender="none of these") for n in NUMBERS[30:40]]
    misshapen = [person(n, maritalStatus=FAMILIES[n]) for n in NUMBERS[40:45]]
    with gzip.open(folder / "Patient.9.ndjson.gz", "wt") as file:
        file.writelines(json.dumps(each) + "\n" for each in [*refused, *misshapen])
        file.writelines(json.dumps(person(n))[:-9] + "\n" for n in NUMBERS[45:])
    gone = deletion(*(f"Patient/{key}" for key in IDS[:3]), *(f"Patient/{key}" for key in IDS[45:]))
    (folder / "Bundle.json").write_text(json.dumps(bundle(*gone, timestamp="2026-02-01T00:00:00Z")))
    return folder


def plant_others(folder):
    """Messages, an extract, events and notes that name others, by the kind that reads them."""
    for kind in ("hl7v2", "csv", "events", "notes"):
        (folder / kind).mkdir(parents=True)
    columns = "Lead ID,Created,Campaign ID,Channel,Clinic,First Name,Last Name,Email,Phone,Status,Interest"
    leads = [f"{columns},Patient MRN"]
    events, notes = [], ["file,note_id,patient_identifier,created_at"]
    for n, (family, phone, record) in enumerate(zip(OTHERS, OTHER_PHONES, OTHER_RECORDS, strict=True)):
        (folder / "hl7v2" / f"{family}.hl7").write_text(
            f"MSH|^~\\&|EMR|CLINIC|LAKE|A360|20260301120000||ADT^A28|{record}|P|2.5.1\rEVN|A28|20260301120000\r"
            f"PID|1||{record}^^^CLINIC^MR||{family}^JANE||19800102|F|||{family} Road 1^^BOSTON^MA^02101|"
            f"|{phone}\r"
            f"NK1|1|{family}^JOE|SPO|{family} Road 2|{phone}\rNTE|1||{family} rang\r",
            newline="",
        )
        leads.append(
            f"L-{n},11/17/2025 21:17,CMP-1,google_ads,clinic-hudson,Ada,{family},{family}@x.example,{phone},"
            f"{'contacted' if n % 2 else family},laser,{record}"
        )
        user = {"mrn": record, "clinic": "clinic-hudson"}
        events.append(
            {
                "event_id": f"00000000-0000-0000-0000-{n:012}",
                "event_type": "screen_view" if n % 2 else family,
                "occurred_at": "2026-05-22T13:51:34.558-04:00",
                "received_at": "2026-05-22T17:54:00.000Z",
                "user": user,
                "session": {"id": f"s{n}", "platform": "android", "app_version": "4.5.0"},
                "payload": {"search": f"{family} {phone}"},
            }
        )
        notes.append(f"{family}.txt,n-{n},urn:mrn|{record},2026-03-01T10:15:00+00:00")
        (folder / "notes" / f"{family}.txt").write_text(f"{family}, call {phone}. Record {record}.")
    (folder / "csv" / "leads_2025.csv").write_text("\n".join(leads) + "\n")
    (folder / "events" / "app_events.ndjson").write_text("".join(json.dumps(each) + "\n" for each in events))
    (folder / "notes" / "notes.csv").write_text("\n".join(notes) + "\n")
    return folder


def command(lake, *arguments, **variables):
    """A command on the lake, as a user gives it; what it printed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
    return subprocess.run(
        [sys.executable, "-m", "a360", "--lake", lake, *map(str, arguments)],
        env=environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """A lake that took the planted files, a run of which broke, and all that was printed on the way."""
    base = made_once(tmp_path_factory, "planted", work_with_planted)
    return base / "inbox" / FAMILIES[0], base / "lake", (base / "printed").read_text()


def work_with_planted(base):
    """Plant, ingest, run, die, break off, run again, ask."""
    folder = plant(base / "inbox" / FAMILIES[0])
    others = plant_others(base / "others")
    lake = base / "lake"
    printed = [command(lake, "ingest", "fhir", folder, A360_LOG_LEVEL="debug")]
    with a360.open(lake) as opened:
        for kind in ("hl7v2", "csv", "events", "notes"):
            report = opened.ingest(others / kind, kind, "emr")
            assert sum(step.landed for step in report.steps) >= len(OTHERS), kind
            printed.append(SimpleNamespace(returncode=0, stdout=json.dumps(report.to_json()), stderr=""))
    printed += [
        command(lake, "run", A360_FAILPOINTS="vault.keep.before-commit=kill"),
        command(lake, "run", A360_FAILPOINTS="refine.silver.between-commits=kill@2"),
        command(lake, "run", A360_FAILPOINTS="refine.silver.between-commits=raise@3"),
        command(lake, "run"),
        command(lake, "query", "SELECT * FROM silver.patient"),
    ]
    assert [each.returncode for each in printed] == [0] * 5 + [-SIGKILL, -SIGKILL, 1, 0, 0], printed[8].stderr
    (base / "printed").write_text("\n".join(each.stdout + each.stderr for each in printed))


def test_the_search_finds_what_is_planted(planted, tmp_path):
    """The search that the other tests trust finds all of the input, and looks into Parquet and Avro."""
    folder, lake, _ = planted
    assert found_below(folder, CANARIES).keys() == set(CANARIES) - set(TOLD_APART)
    assert found_below(folder.parents[1] / "others", TOLD_APART).keys() == set(TOLD_APART)
    pq.write_table(pa.table({"name": FAMILIES}), tmp_path / "names.parquet", compression="zstd")
    assert found_below(tmp_path, FAMILIES).keys() == set(FAMILIES)
    packed = b"RelatedPerson"  # the greatest resource type of bronze, among the bounds in its manifests
    manifests = (lake / "warehouse/bronze").rglob("*.avro")
    manifests = [each for each in manifests if packed in b"".join(contents(each))]
    assert manifests
    assert not [each for each in manifests if packed in each.read_bytes()]


def test_no_file_of_the_lake_names_a_patient(planted):
    """Names, phones, numbers and ids are in no file: data, metadata, catalog, logs, what crashes left."""
    _, lake, _ = planted
    assert sum(1 for each in lake.rglob("*.parquet")) > 20
    assert sum(1 for each in lake.rglob("*.avro")) > 20
    assert found_below(lake, CANARIES) == {}


def test_no_command_prints_a_patient(planted):
    """Reports, failures and query results name no patient."""
    _, _, printed = planted
    assert [each for each in CANARIES if each in printed] == []


def test_the_planted_resources_arrived(planted):
    """The canaries went all the way: landed, refused at the door and by rules, deleted, searched for."""
    _, lake, _ = planted
    with a360.open(lake) as opened:
        count = {
            name: len(opened.table(name))
            for name in (
                "quarantine.fhir_resource",
                "quarantine.patient",
                "silver.document_reference",
                "silver.note",
            )
        }
        assert count["quarantine.fhir_resource"] == 5
        assert count["quarantine.patient"] == 15
        assert count["silver.document_reference"] == count["silver.note"] == 70
        assert opened.note_text("t7") == f"# Visit of {FAMILIES[7]}\n{FAMILIES[7]}, call {PHONES[7]}"
        [row] = rows_of(
            opened,
            "SELECT count(*) AS n FROM silver.encounter AS e JOIN silver.patient AS p USING (patient_key) "
            "WHERE starts_with(e.encounter_id, 's') AND p.is_current AND NOT p.deleted",
        )
        assert row["n"] == 27


def test_the_vault_alone_knows_who_was_planted(planted):
    """What is nowhere in clear opens again: each patient whose record could be read is known by name."""
    _, lake, _ = planted
    with a360.open(lake) as opened:
        keys = opened.tables.read("ops.identity", ["patient_key"])["patient_key"].unique().to_pylist()
        known = set(opened.vault.known_values(keys)["value"].to_pylist())
        assert opened.vault.counts()["waiting_keys"] == 0
    assert known >= {
        *FAMILIES[:45],
        *PHONES[:45],
        *RECORDS[:45],
        *IDS[:45],
        *OTHERS,
        *OTHER_PHONES,
        *OTHER_RECORDS,
    }


def namesake(n):
    """A patient of many, no value of whom is another's."""
    family = f"{FAMILIES[n % 50]}-{n}"
    return patient(
        f"{IDS[n % 50]}-{n}",
        identifier=[{"system": "urn:mrn", "type": code("MR"), "value": f"{RECORDS[n % 50]}-{n}"}],
        name=[{"family": family, "given": [f"Ada {family}"]}],
        telecom=[{"system": "phone", "value": f"{PHONES[n % 50]}{n}"}],
        address=[{"line": [f"{n} {family} Street"], "city": f"{family}ville"}],
    )


@contextmanager
def watched(folder):
    """Collect whatever lies in a folder while the block runs: file names, sizes, and canaries in clear."""
    sizes, found, stop = {}, set(), threading.Event()

    def look():
        while not stop.wait(0.005):
            for path in folder.rglob("*"):
                try:
                    data = path.read_bytes() if path.is_file() else b""
                except OSError:
                    continue
                sizes[path.name] = max(sizes.get(path.name, 0), len(data))
                found.update(each for each in CANARIES if each.encode() in data)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield sizes, found
    finally:
        stop.set()
        watcher.join()


def test_what_spills_to_disk_is_sealed(tmp_path, contracts):
    """Where memory is short the engine spills, and nothing of what it spills can be read."""
    write_ndjson(tmp_path / "in", (namesake(n) for n in range(24_000)))
    with a360.open(tmp_path / "lake", contracts=contracts, memory_limit="128MB", threads=2) as lake:
        lake.ingest(tmp_path / "in")
        with watched(lake.path / "tmp") as (sizes, found), suppress(OperatorError):
            lake.run("silver.patient")
    assert sum(size for name, size in sizes.items() if "temp_storage" in name) > 1_000_000
    assert found == set()
    assert [path for path in (tmp_path / "lake/tmp").rglob("*") if path.is_file()] == []
