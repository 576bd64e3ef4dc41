"""Makes the committed tables from HL7's v2-to-FHIR mapping guide (Apache-2.0) and the R4 element table.

Run by hand when the guide changes:

    python -m a360.hl7v2._mappings._build ../shared/data/v2-to-fhir/mappings

The guide's spreadsheets are read, never copied: what is kept is what an interpreter needs, one map a line.
"""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_NAME = re.compile(r"FHIR R4_ (?P<name>.+?) - [^-]+\.csv$")
_CODES = re.compile(r"Concept Map_ (?P<name>.+?) - [^-]+\.csv$")
_HEADER_ROWS = 2
_WIDTH = 18
# Where the resources start whose elements the interpreter may have to know.
_RESOURCES = (
    "Account",
    "AllergyIntolerance",
    "Appointment",
    "Basic",
    "CareTeam",
    "ChargeItem",
    "ClaimResponse",
    "Condition",
    "Consent",
    "Coverage",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "EpisodeOfCare",
    "Immunization",
    "Linkage",
    "Location",
    "Medication",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MessageHeader",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "Provenance",
    "RelatedPerson",
    "ResearchStudy",
    "ServiceRequest",
    "Specimen",
    "Substance",
    "Task",
)

Row = list[str]


def main(guide: Path, target: Path) -> None:
    """Write `guide.json` and `elements.json` into the folder `target`."""
    segments = {name: _field_rows(rows) for name, rows in _sheets(guide / "segments", _NAME)}
    datatypes = {name: _field_rows(rows) for name, rows in _sheets(guide / "datatypes", _NAME)}
    messages = {name: _message_rows(rows) for name, rows in _sheets(guide / "messages", _NAME)}
    codes = {name: _codes(rows) for name, rows in _sheets(guide / "codesystems", _CODES)}
    _write(
        target / "guide.json",
        {"segments": segments, "datatypes": datatypes, "messages": messages, "codes": codes},
    )
    definitions = Path(__file__).parents[2] / "fhir" / "_definitions" / "r4.json"
    table = json.loads(definitions.read_text(encoding="utf-8"))
    _write(
        target / "elements.json",
        {"types": _reachable(table["types"]), "primitives": {"names": table["primitives"]}},
    )


def _sheets(folder: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, list[Row]]]:
    for path in sorted(folder.glob("*.csv"), key=lambda path: path.name):
        match = pattern.search(path.name)
        if match is None:
            raise SystemExit(f"{path.name}: not named as a sheet of the guide")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [[cell.strip() for cell in row] for row in csv.reader(stream)]
        yield match["name"].strip(), [row + [""] * (_WIDTH - len(row)) for row in rows[_HEADER_ROWS:]]


def _field_rows(rows: Iterable[Row]) -> list[Row]:
    """Source, condition, prose condition, target, data type map, vocabulary map, assignment."""
    return [[_flat(row[index]) for index in (1, 6, 8, 9, 14, 15, 16)] for row in rows if row[9]]


def _message_rows(rows: Iterable[Row]) -> list[Row]:
    """Where in the structure, condition, prose condition, target resource, segment map, references."""
    return [[_flat(row[index]) for index in (1, 6, 8, 9, 10, 11)] for row in rows if row[9] and row[10]]


def _codes(rows: Iterable[Row]) -> dict[str, list[str]]:
    """A code to the FHIR code, its display and its system; of several, the first stands."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row[0] and row[6]:
            found.setdefault(row[0], [row[6], row[8] or row[7], row[9]])
    return found


def _flat(text: str) -> str:
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


def _reachable(types: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    wanted = list(_RESOURCES)
    found: dict[str, dict[str, str]] = {}
    while wanted:
        name = wanted.pop()
        if name in found or name not in types:
            continue
        found[name] = types[name]
        for kinds in types[name].values():
            wanted += [kind for kind in kinds.rstrip("*").split("|") if kind != "Resource"]
    return found


def _write(path: Path, parts: Mapping[str, Mapping[str, object]]) -> None:
    """One entry a line, so that a change of the guide reads well as a diff."""
    blocks = []
    for part in sorted(parts):
        lines = ",\n".join(
            f"{json.dumps(name)}: {json.dumps(parts[part][name], separators=(',', ':'), ensure_ascii=False)}"
            for name in sorted(parts[part])
        )
        blocks.append(f"{json.dumps(part)}: {{\n{lines}\n}}")
    path.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
