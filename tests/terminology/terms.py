"""Contracts of a small lake with conditions and vocabularies, and files in the layouts of licensors."""

import shutil
from pathlib import Path

import yaml
from small_contracts import lake_file

from a360.contract import assign_field_ids

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
SILVER = ("patient", "identifier", "patient_link", "encounter_move", "condition")
REFERENCE = ("vocabulary", "concept", "value_set_member", "concept_map")
COLOURS = "urn:colours"


def coded_contracts(folder, *, severity="warning", arguments=None, bound=None):
    """Write the contracts; the rule on a condition's code looks it up in the colours.

    `arguments` and `bound` make another rule of it.
    """
    for name in ("silver", "views"):
        (folder / name).mkdir(parents=True)
    shutil.copytree(CONTRACTS / "bronze", folder / "bronze")
    write(folder / "lake.yaml", lake_file({f"silver.{name}" for name in (*SILVER, *REFERENCE)}))
    rule = {
        "name": "code_is_a_colour",
        "type": "library",
        "metric": "invalidValues",
        "arguments": arguments or {"codeSystem": COLOURS, "systemColumn": "code_system"},
        **(bound or {"mustBe": 0}),
        "severity": severity,
        "dimension": "conformity",
        "description": "For tests.",
    }
    for name in (*SILVER, *REFERENCE):
        contract = yaml.safe_load((CONTRACTS / "silver" / f"{name}.yaml").read_text())
        _cut(name, contract, rule)
        write(folder / "silver" / f"{name}.yaml", contract)
    views = {
        name: CONTRACTS / "views" / f"{name}.json" for name in ("patient", "condition", "encounter_move")
    }
    for view in (*views, "identifier_patient", "patient_link_patient", "patient_link_linkage"):
        shutil.copy(CONTRACTS / "views" / f"{view}.json", folder / "views")
    assign_field_ids(folder)
    return folder


def _cut(name, contract, rule):
    for column in contract["schema"][0]["properties"]:
        kept = [to for to in column.get("relationships", []) if to["to"].split(".")[0] in SILVER]
        column["relationships"] = kept
        if name == "condition" and column["name"] == "code":
            column["quality"] = [rule]
    for each in contract["customProperties"]:
        if each["property"] == "a360.view" and name == "identifier":
            each["value"] = ["identifier_patient"]
        if each["property"] == "a360.view" and name == "patient_link":
            each["value"] = ["patient_link_patient", "patient_link_linkage"]


def write(file, content):
    """Write a file as YAML."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def colours(folder, *codes, version="1", name="colours", **more):
    """Declare a code system of colours in a folder of contracts."""
    concepts = [{"code": code, "display": code.title()} for code in codes]
    said = {"kind": "codeSystem", "uri": COLOURS, "version": version, "name": name, "concepts": concepts}
    write(folder / "terminology" / f"{name}.yaml", {**said, **more})


def condition(key, code, system=COLOURS, subject="Patient/p1"):
    """A condition with one coding."""
    return {
        "resourceType": "Condition",
        "id": key,
        "clinicalStatus": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
            ]
        },
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": subject},
        "recordedDate": "2026-01-02",
    }


def lines(file, *rows, delimiter="\t"):
    """A text file of rows."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(delimiter.join(row) + "\n" for row in rows), encoding="utf-8")
    return file


def snomed_release(folder):
    """A snapshot in the layout of RF2: three living concepts and one that is not."""
    terms = folder / "Snapshot" / "Terminology"
    core = ("900000000000207008",)
    lines(
        terms / "sct2_Concept_Snapshot_INT_20260301.txt",
        ("id", "effectiveTime", "active", "moduleId", "definitionStatusId"),
        ("100001", "20020131", "1", *core, "900000000000074008"),
        ("100002", "20020131", "1", *core, "900000000000074008"),
        ("100003", "20250101", "1", *core, "900000000000074008"),
        ("100004", "20240101", "0", *core, "900000000000074008"),
    )
    full, synonym = "900000000000003001", "900000000000013009"
    rows = [
        ("1", "1", "100001", full, "Root (finding)"),
        ("2", "1", "100002", full, "Inflamed skin (disorder)"),
        ("3", "1", "100002", synonym, "Dermatitis"),
        ("4", "1", "100002", synonym, "Skin inflammation"),
        ("5", "0", "100002", synonym, "An older name"),
        ("6", "1", "100003", full, "Both at once (disorder)"),
        ("7", "1", "100004", full, 'Retired "thing" (disorder)'),
    ]
    lines(
        terms / "sct2_Description_Snapshot-en_INT_20260301.txt",
        (
            *("id", "effectiveTime", "active", "moduleId", "conceptId", "languageCode", "typeId"),
            *("term", "caseSignificanceId"),
        ),
        *(
            (id_, "20020131", active, *core, of, "en", kind, term, "x")
            for id_, active, of, kind, term in rows
        ),
    )
    is_a = "116680003"
    relations = [("100002", "100001"), ("100003", "100001"), ("100003", "100002"), ("100004", "100001")]
    lines(
        terms / "sct2_Relationship_Snapshot_INT_20260301.txt",
        (
            *("id", "effectiveTime", "active", "moduleId", "sourceId", "destinationId"),
            *("relationshipGroup", "typeId", "characteristicTypeId", "modifierId"),
        ),
        *(
            (str(number), "20020131", "1", *core, of, to, "0", is_a, "x", "y")
            for number, (of, to) in enumerate(relations)
        ),
    )
    lines(
        folder / "Snapshot" / "Refset" / "der2_cRefset_LanguageSnapshot-en_INT_20260301.txt",
        (
            *("id", "effectiveTime", "active", "moduleId", "refsetId", "referencedComponentId"),
            "acceptabilityId",
        ),
        ("a", "20020131", "1", *core, "900000000000509007", "3", "900000000000549004"),
        ("b", "20020131", "1", *core, "900000000000509007", "4", "900000000000548007"),
    )
    return folder
