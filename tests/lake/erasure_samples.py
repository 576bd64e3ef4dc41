"""Patients of whom one is to be erased, and looks at all that a lake holds."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from lakes import write_ndjson

from a360.protect import open_block, quarantine_context

PLANTED = ("Okafor-canary", "MRN-canary-77", "finding-canary")
OTHERS = ("b", "c", "d")


def observation(number, patient, **more):
    """An observation of a patient."""
    return {
        "resourceType": "Observation",
        "id": f"o-{patient}-{number}",
        "status": "final",
        "code": {"text": "finding-canary" if patient == "a" else "finding"},
        "subject": {"reference": f"Patient/{patient}"},
        **more,
    }


def patient(name, **more):
    """A patient, by a family name that is planted for the one to be erased."""
    erased = name == "a"
    return {
        "resourceType": "Patient",
        "id": name,
        "name": [{"family": "Okafor-canary" if erased else f"Lind-{name}"}],
        "identifier": [{"system": "urn:mrn", "value": "MRN-canary-77" if erased else f"MRN-{name}-0001"}],
        **more,
    }


RESOURCES = [
    *(patient(name) for name in ("a", *OTHERS)),
    *(observation(number, name) for name in ("a", *OTHERS) for number in range(3)),
    *(
        {
            "resourceType": "Encounter",
            "id": f"e-{name}",
            "status": "finished",
            "class": {"code": "AMB"},
            "subject": {"reference": f"Patient/{name}"},
        }
        for name in ("a", *OTHERS)
    ),
    # The same patient once more, merged into the one to be erased.
    patient("a", id="a2", link=[{"other": {"reference": "Patient/a"}, "type": "replaced-by"}]),
    # Of somebody else, and of several: they stay, and name nobody who is gone.
    observation(
        9,
        "b",
        valueQuantity={"value": 1},
        performer=[{"reference": "Patient/a", "display": "Okafor-canary"}, {"reference": "Patient/b"}],
    ),
    {
        "resourceType": "Group",
        "id": "g1",
        "type": "person",
        "actual": True,
        "member": [{"entity": {"reference": "Patient/a"}}, {"entity": {"reference": "Patient/b"}}],
    },
    # Of nobody whom the envelope knows: it names the patient in a list, and nobody else.
    {
        "resourceType": "Account",
        "id": "acc1",
        "status": "active",
        "name": "Okafor-canary",
        "subject": [{"reference": "Patient/a"}],
    },
]
REFUSED = {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/a"}}


def bring(lake, folder, resources):
    """Ingest resources as files by type."""
    folder.mkdir()
    write_ndjson(folder, resources)
    return lake.ingest(folder)


def everything(lake, *keys):
    """All rows of a lake but the patients', and but the bytes that are sealed anew, as text."""
    told = {}
    for name in lake.tables.list():
        if name.startswith(("bronze.", "silver.", "gold.")) and lake.tables.current_snapshot_id(name):
            sealed = [field.name for field in lake.tables.read(name).schema if pa.types.is_binary(field.type)]
            rows = lake.tables.read(name).drop_columns(sealed).to_pylist()
            kept = [row for row in rows if not {*keys} & {*map(str, row.values())}]
            told[name] = sorted(json.dumps(row, default=str, sort_keys=True) for row in kept)
    return told


def opened(lake):
    """Everything sealed that opens with the keys that are there, in clear."""
    sealer = lake._parts.sealer
    for table in ("bronze.fhir_block", "bronze.record_block"):
        for row in lake.tables.read(table).to_pylist():
            yield open_block(sealer, row["block_id"], row["payload"]).text
    for row in lake.tables.read("quarantine.fhir_resource").to_pylist():
        context = quarantine_context("quarantine.fhir_resource", row["commit_id"], row["file"], row["offset"])
        yield sealer.unseal(row["payload"], context)


def bytes_under(folder):
    """The bytes of every file of a lake but its keys, and every value of its Parquet files."""
    for path in Path(folder).rglob("*"):
        if path.is_file() and "keys" not in path.parts:
            yield path.read_bytes()
            if path.suffix == ".parquet":
                yield json.dumps(pq.read_table(path).to_pylist(), default=repr).encode()
