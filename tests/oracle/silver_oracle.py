"""What silver must hold, computed from NDJSON files one resource at a time, with nothing of the product.

    resources = read("Patient.ndjson", "Encounter.ndjson")
    rows = silver(resources)["encounter"]

Rows have the columns of the contracts less `source` and the housekeeping; `unresolved_references`,
`version_id` and `last_updated` stand beside them. Columns that the contracts tokenise hold the raw
identifiers: a patient's logical id in `patient_key`, and so on. A test that compares with a lake applies the
lake's tokenizer to them first.
"""

import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from silver_links import links, moved, survivors
from silver_readings import READINGS, WITH_IDENTIFIERS, identifiers
from silver_references import Follower, Index
from silver_values import Json, moment

__all__ = ["contained", "latest", "read", "silver"]

DELETED = "_deleted"


def read(*files: str | Path) -> list[Json]:
    """The resources of NDJSON files, in order; numbers with a point keep their digits."""
    lines = (line for file in files for line in Path(file).read_text(encoding="utf-8").splitlines())
    return [json.loads(line, parse_float=Decimal) for line in lines if line.strip()]


def latest(resources: Iterable[Json]) -> list[Json]:
    """One resource a key, less those that were deleted: the last by time of change, version, then arrival.

    A Bundle whose entries say DELETE deletes what they name, at the time of the Bundle.
    """
    winners: dict[tuple[str, str], Json] = {}
    for resource in (event for read_one in resources for event in _events(read_one)):
        key = resource["resourceType"], resource["id"]
        if key not in winners or _age(resource) >= _age(winners[key]):
            winners[key] = resource
    return [resource for resource in winners.values() if DELETED not in resource]


def _events(resource: Json) -> list[Json]:
    """The resource itself, or the deletions that a Bundle tells of."""
    if resource["resourceType"] != "Bundle":
        return [resource]
    meta = {"lastUpdated": resource["timestamp"]} if "timestamp" in resource else {}
    urls = [
        entry["request"]["url"].split("/")
        for entry in resource.get("entry", [])
        if entry.get("request", {}).get("method") == "DELETE"
    ]
    return [{"resourceType": kind, "id": key, "meta": meta, DELETED: True} for kind, key in urls]


def _age(resource: Json) -> tuple[float, int]:
    """What orders versions: time of change, then version number."""
    meta = resource.get("meta", {})
    changed = moment(meta.get("lastUpdated"))
    version = meta.get("versionId", "")
    return (
        float("-inf") if changed is None else changed.timestamp(),
        int(version) if version.isdecimal() else -1,
    )


def contained(resource: Json) -> list[Json]:
    """What a resource contains, as resources of their own under `Type/id#contained-id`."""
    outer, meta = f"{resource['resourceType']}/{resource['id']}", resource.get("meta", {})
    return [
        {**inner, "id": f"{outer}#{inner['id']}", "meta": meta}
        for inner in resource.get("contained", [])
        if "id" in inner
    ]


def silver(resources: Iterable[Json]) -> dict[str, list[Json]]:
    """The rows of every silver dataset; `patient` holds the current version of each patient."""
    current = latest(resources)
    everyone = Index.of(current)
    said = [row for r in current for row in _rows(r, links, everyone)]
    stand_for = survivors(said)
    index = Index.of(current, stand_for)
    everything = [*current, *(inner for resource in current for inner in contained(resource))]
    lake = {
        dataset: [row for r in everything if r["resourceType"] == kind for row in _rows(r, reading, index)]
        for dataset, (kind, reading) in READINGS.items()
    }
    lake["identifier"] = [
        row for r in current if r["resourceType"] in WITH_IDENTIFIERS for row in _rows(r, identifiers, index)
    ]
    lake["patient_link"] = said
    provenances = [r for r in current if r["resourceType"] == "Provenance"]
    lake["encounter_move"] = [row for r in provenances for row in _rows(r, moved, index)]
    for row in lake["patient"]:
        row["replaced_by"] = stand_for.get(row["patient_key"])
    for rows in (rows for dataset, rows in lake.items() if dataset not in {"patient", "patient_link"}):
        for row in rows:
            if "patient_key" in row:
                row["patient_key"] = stand_for.get(row["patient_key"], row["patient_key"])
    return lake


def _rows(resource: Json, reading, index: Index) -> list[Json]:
    """The rows of one resource, with what stands beside them."""
    follower = Follower(index, resource)
    answer = reading(resource, follower)
    meta = resource.get("meta", {})
    beside = {
        "version_id": meta.get("versionId"),
        "last_updated": moment(meta.get("lastUpdated")),
        "unresolved_references": follower.unresolved,
    }
    return [{**row, **beside} for row in (answer if isinstance(answer, list) else [answer])]
