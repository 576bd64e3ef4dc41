"""Reads a ViewDefinition: its shape as JSON, its constants, then its selects into a plan."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from a360.fhir._definitions import definitions, is_resource
from a360.fhir._fault import Faults
from a360.fhir._typed._expr import Constant
from a360.fhir._typed._lexical import EXAMPLES, is_decimal, is_moment, is_text, is_whole
from a360.fhir._types import kind_of

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}", re.ASCII)
_CONSTANT_TYPES = (
    *(
        "base64Binary",
        "boolean",
        "canonical",
        "code",
        "date",
        "dateTime",
        "decimal",
        "id",
        "instant",
        "integer",
    ),
    *("integer64", "oid", "string", "positiveInt", "time", "unsignedInt", "uri", "url", "uuid"),
)
_CONSTANT_KEYS = {f"value{name[0].upper()}{name[1:]}": name for name in _CONSTANT_TYPES}
_COMMON = frozenset({"id", "extension", "modifierExtension"})
_ITERATIONS = ("forEach", "forEachOrNull", "repeat")
MAX_NESTING = 40
MAX_STEPS = 100

type Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """The parts of a ViewDefinition that are checked for their JSON shape but not yet compiled."""

    name: str
    resource: str
    constants: Mapping[str, Constant]
    where: Sequence[tuple[str, str]]  # pointer, path
    selects: Sequence[tuple[str, Json]]  # pointer, select


# A ViewDefinition is a logical model, which some writers call by its canonical URL.
_KINDS = ("ViewDefinition", "https://sql-on-fhir.org/ig/StructureDefinition/ViewDefinition")


def read_view(view: Json | str, faults: Faults) -> View | None:
    """The view's parts; None where so much is wrong that nothing can be compiled."""
    raw = _loaded(view, faults)
    if raw is None:
        return None
    resource = raw.get("resource")
    if not isinstance(resource, str) or not is_resource(resource):
        found = f"resource {resource!r}" if resource is not None else "no resource"
        faults.add("/resource", found, "the name of a FHIR R4 resource type")
        return None
    kind = raw.get("resourceType", _KINDS[0])
    if kind not in _KINDS:
        faults.add("/resourceType", f"{kind!r}", " or ".join(_KINDS))
    return View(
        name=str(raw.get("name", "")),
        resource=resource,
        constants=_constants(raw, faults),
        where=_where(raw, faults),
        selects=objects(raw, "select", "", faults, required=True),
    )


def _loaded(view: Json | str, faults: Faults) -> Json | None:
    found: Any = view
    if isinstance(view, str):
        try:
            found = json.loads(view, parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            faults.add("", f"not JSON: {error}", "a ViewDefinition as JSON")
            return None
    if not isinstance(found, Mapping):
        faults.add("", f"a JSON {_json_type(found)}", "a ViewDefinition, which is a JSON object")
        return None
    return found


def _json_type(value: object) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def objects(
    raw: Json, key: str, pointer: str, faults: Faults, *, required: bool = False
) -> list[tuple[str, Json]]:
    """The objects of an array property, each with its pointer."""
    found = raw.get(key)
    if found is None:
        if required:
            faults.add(f"{pointer}/{key}", f"no {key}", "an array of at least one object")
        return []
    if not isinstance(found, list) or (required and not found):
        faults.add(f"{pointer}/{key}", _shown(found), "an array of at least one object")
        return []
    kept = []
    for position, entry in enumerate(found):
        here = f"{pointer}/{key}/{position}"
        if isinstance(entry, Mapping):
            kept.append((here, entry))
        else:
            faults.add(here, _shown(entry), "an object")
    return kept


def _shown(value: object) -> str:
    return "an empty array" if value == [] else f"a JSON {_json_type(value)}"


def text(raw: Json, key: str, pointer: str, faults: Faults) -> str | None:
    """A property that must be a string which is not empty."""
    found = raw.get(key)
    if isinstance(found, str) and found.strip():
        return found
    faults.add(
        f"{pointer}/{key}", f"no {key}" if found is None else _shown(found), "a string that is not empty"
    )
    return None


def check_keys(raw: Json, allowed: frozenset[str], pointer: str, faults: Faults) -> None:
    """Note properties that the part does not have: mostly misspelt ones."""
    for key in raw:
        if key not in allowed and key not in _COMMON and not str(key).startswith("_"):
            faults.add(f"{pointer}/{escape(str(key))}", f"the property '{key}'", ", ".join(sorted(allowed)))


def escape(key: str) -> str:
    """A property name as one step of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _where(raw: Json, faults: Faults) -> list[tuple[str, str]]:
    found = []
    for pointer, entry in objects(raw, "where", "", faults):
        check_keys(entry, frozenset({"path", "description"}), pointer, faults)
        path = text(entry, "path", pointer, faults)
        if path is not None:
            found.append((f"{pointer}/path", path))
    return found


def _constants(raw: Json, faults: Faults) -> dict[str, Constant]:
    found: dict[str, Constant] = {}
    for pointer, entry in objects(raw, "constant", "", faults):
        name = text(entry, "name", pointer, faults)
        check_keys(entry, frozenset({"name", *_CONSTANT_KEYS}), pointer, faults)
        if name is None:
            continue
        if not NAME.fullmatch(name) or name in found:
            problem = "a second constant of that name" if name in found else "no name SQL on FHIR allows"
            faults.add(
                f"{pointer}/name",
                f"{name!r}: {problem}",
                "letters, digits and _, beginning with a letter; once",
            )
        found[name] = _constant(entry, pointer, faults)
    return found


def _constant(entry: Json, pointer: str, faults: Faults) -> Constant:
    keys = [key for key in _CONSTANT_KEYS if key in entry]
    if len(keys) != 1:
        count = "no value" if not keys else " and ".join(keys)
        faults.add(pointer, f"a constant with {count}", f"exactly one of {', '.join(_CONSTANT_KEYS)}")
        return Constant("unknown", None)
    key, value = keys[0], entry[keys[0]]
    type_name = _CONSTANT_KEYS[key]
    if not _fits(type_name, value):
        example = EXAMPLES.get(type_name)
        allowed = f"a {type_name}: {example}" if example else f"a {type_name}"
        faults.add(f"{pointer}/{key}", f"{_said(value)}, which is no {type_name}", allowed)
        return Constant("unknown", None)
    if isinstance(value, str) and not is_text(value):
        faults.add(f"{pointer}/{key}", "NUL or half a surrogate pair", "text")
        return Constant("unknown", None)
    if type_name == "integer64":
        return Constant(type_name, int(value))
    return Constant(type_name, str(value) if type_name == "decimal" else value)


def _said(value: object) -> str:
    return repr(value) if isinstance(value, str | int | float | Decimal) else f"a JSON {_json_type(value)}"


def _fits(type_name: str, value: object) -> bool:
    match kind_of(type_name):
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return is_whole(type_name, value)
        case "decimal":
            return is_decimal(value)
        case "text":
            return isinstance(value, str)
        case _:
            return isinstance(value, str) and is_moment(type_name, value)


def iteration(select: Json, pointer: str, faults: Faults) -> str | None:
    """Which of forEach, forEachOrNull and repeat a select has: at most one."""
    keys = [key for key in _ITERATIONS if select.get(key) is not None]
    if len(keys) > 1:
        faults.add(pointer, " and ".join(keys), "at most one of forEach, forEachOrNull and repeat")
    return keys[0] if keys else None


def known_type(name: str) -> bool:
    """Whether a column may declare the type: a FHIR type or a backbone element."""
    return name in definitions().types or name in definitions().primitives or name == "integer64"
