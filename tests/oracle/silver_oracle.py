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

from silver_readings import READINGS, WITH_IDENTIFIERS, identifiers
from silver_references import Follower, Index
from silver_values import Json, moment

__all__ = ["latest", "read", "silver"]


def read(*files: str | Path) -> list[Json]:
    """The resources of NDJSON files, in order; numbers with a point keep their digits."""
    lines = (line for file in files for line in Path(file).read_text(encoding="utf-8").splitlines())
    return [json.loads(line, parse_float=Decimal) for line in lines if line.strip()]


def latest(resources: Iterable[Json]) -> list[Json]:
    """One resource a key: the last by time of change, then version number, then arrival."""
    winners: dict[tuple[str, str], Json] = {}
    for resource in resources:
        key = resource["resourceType"], resource["id"]
        if key not in winners or _age(resource) >= _age(winners[key]):
            winners[key] = resource
    return list(winners.values())


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
    index = Index.of(current)
    everything = [*current, *(inner for resource in current for inner in contained(resource))]
    lake = {
        dataset: [row for r in everything if r["resourceType"] == kind for row in _rows(r, reading, index)]
        for dataset, (kind, reading) in READINGS.items()
    }
    lake["identifier"] = [
        row for r in current if r["resourceType"] in WITH_IDENTIFIERS for row in _rows(r, identifiers, index)
    ]
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
