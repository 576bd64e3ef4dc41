"""Generated FHIR: patients with their procedures and the observations made of these, as NDJSON."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

EVENTS = 20  # of a patient: two procedures, and nine observations of each
_OBSERVED = EVENTS // 2
_SYSTEM = "https://aesthetics360.example/CodeSystem"

# In the texts of a resource, SQL stands in «»; with its quotes where it is a number's.
_PATIENT = "«md5('p' || patient)»"
_PROCEDURE = "«md5('a' || act)»"
_TIME = "«strftime(moment, '%Y-%m-%dT%H:%M:%SZ')»"
_RESOURCES: dict[str, dict[str, Any]] = {
    "Patient": {
        "id": _PATIENT,
        "name": [{"family": "Family«patient»", "given": ["Given"]}],
        "gender": "female",
        "birthDate": "«1950 + patient % 55»-05-17",
    },
    "Procedure": {
        "id": _PROCEDURE,
        "status": "completed",
        "category": {
            "coding": [{"system": f"{_SYSTEM}/procedure-family", "code": "peel", "display": "Peel"}]
        },
        "code": {"coding": [{"system": f"{_SYSTEM}/procedure", "code": "PEEL-GLY", "display": "Peel"}]},
        "subject": {"reference": f"Patient/{_PATIENT}"},
        "performedDateTime": _TIME,
    },
    "Observation": {
        "id": "«md5('o' || i)»",
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "survey",
                        "display": "survey",
                    }
                ]
            }
        ],
        "code": {
            "coding": [
                {
                    "system": f"{_SYSTEM}/observation",
                    "code": "«CASE i % 3 WHEN 0 THEN 'gais-score' ELSE 'wrinkle-severity' END»",
                    "display": "Severity",
                }
            ]
        },
        "subject": {"reference": f"Patient/{_PATIENT}"},
        "partOf": [{"reference": f"Procedure/{_PROCEDURE}"}],
        "effectiveDateTime": _TIME,
        "valueQuantity": {
            "value": "#«(i + version) % 5»#",
            "unit": "score",
            "system": "http://unitsofmeasure.org",
            "code": "{score}",
        },
    },
}
_OF_KIND = {
    "Patient": "SELECT DISTINCT ON (patient) * FROM events",
    "Procedure": f"SELECT * FROM events WHERE i % {_OBSERVED} = 0",
    "Observation": f"SELECT * FROM events WHERE i % {_OBSERVED} <> 0",
}


@dataclass(frozen=True, slots=True)
class Events:
    """So many events from the `first`, in their order, of patients who have twenty each.

    With `heavy`, the events from that one on are all of one patient. With `every`, only those of one patient
    in so many. A later `version` has other values.
    """

    first: int
    count: int
    heavy: int | None = None
    every: int = 1
    version: int = 1

    def write(self, folder: Path) -> None:
        """Write the files of these events, and of their patients."""
        folder.mkdir(parents=True)
        connection = duckdb.connect()
        connection.execute("SET preserve_insertion_order = false; SET threads = 2")
        owner = "i" if self.heavy is None else f"least(i, {self.heavy})"
        connection.execute(
            f"CREATE VIEW events AS SELECT i, i // {_OBSERVED} AS act, {owner} // {EVENTS} AS patient, "
            f"{self.version} AS version, "
            "TIMESTAMP '2024-01-01' + to_minutes(((i * 7919) % 1000000)::INTEGER) AS moment "
            f"FROM range({self.first}, {self.first + self.count}) AS t(i) WHERE patient % {self.every} = 0"
        )
        for kind, rows in _OF_KIND.items():
            # Without quotes and with a separator that no line has, what is written as CSV is the lines.
            connection.execute(
                f"COPY (SELECT {_line(kind)} FROM ({rows})) TO '{folder / kind}.ndjson' "
                "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
            )
        connection.close()


def _line(kind: str) -> str:
    """An SQL expression for a resource as one line of JSON."""
    meta = {
        "versionId": "«version»",
        "lastUpdated": "2026-01-0«version»T00:00:00Z",
        "security": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                "code": "HTEST",
                "display": "test health data",
            }
        ],
    }
    resource = {"resourceType": kind, "meta": meta, **_RESOURCES[kind]}
    text = json.dumps(resource, ensure_ascii=False, separators=(",", ":"))
    text = text.replace('"#', "").replace('#"', "")
    parts = re.split("«(.*?)»", text)
    return " || ".join(f"({each})" if at % 2 else f"'{each}'" for at, each in enumerate(parts))
