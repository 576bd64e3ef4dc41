"""Nothing that identifies a patient lies in clear anywhere in a lake's folder, nor passes through it."""

import gzip
import json
import os
import subprocess
import sys
import threading
from base64 import b64encode
from contextlib import contextmanager, suppress

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
CANARIES = [*FAMILIES, *PHONES, *RECORDS, *IDS]


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
    """Plant, ingest, run, break off, run again, ask."""
    folder = plant(base / "inbox" / FAMILIES[0])
    lake = base / "lake"
    printed = [
        command(lake, "ingest", "fhir", folder, A360_LOG_LEVEL="debug"),
        command(lake, "run", A360_FAILPOINTS="refine.silver.between-commits=raise@2"),
        command(lake, "run"),
        command(lake, "query", "SELECT * FROM silver.patient"),
    ]
    assert [each.returncode for each in printed] == [0, 1, 0, 0], printed[2].stderr
    (base / "printed").write_text("\n".join(each.stdout + each.stderr for each in printed))


def test_the_search_finds_what_is_planted(planted, tmp_path):
    """The search that the other tests trust finds all of the input, and looks into Parquet and Avro."""
    folder, lake, _ = planted
    assert found_below(folder, CANARIES).keys() == set(CANARIES)
    pq.write_table(pa.table({"name": FAMILIES}), tmp_path / "names.parquet", compression="zstd")
    assert found_below(tmp_path, FAMILIES).keys() == set(FAMILIES)
    packed = b"RelatedPerson"  # the greatest resource type of bronze, among the bounds in its manifests
    manifests = [each for each in lake.rglob("*.avro") if packed in b"".join(contents(each))]
    assert manifests
    assert not [each for each in manifests if packed in each.read_bytes()]


def test_no_file_of_the_lake_names_a_patient(planted):
    """Names, phones, record numbers and ids are in no file: data, metadata, catalog, logs, the rest."""
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
        assert count["silver.document_reference"] == count["silver.note"] == 50
        assert opened.note_text("t7") == f"# Visit of {FAMILIES[7]}\n{FAMILIES[7]}, call {PHONES[7]}"
        [row] = rows_of(
            opened,
            "SELECT count(*) AS n FROM silver.encounter AS e JOIN silver.patient AS p USING (patient_key) "
            "WHERE starts_with(e.encounter_id, 's') AND p.is_current AND NOT p.deleted",
        )
        assert row["n"] == 27


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
