"""FHIR R4 elements: which there are, of what type, and whether they repeat.

`r4.json` is made by `_build.py` from the StructureDefinitions of FHIR R4 (4.0.1), published by HL7 under CC0.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type: its JSON name (a choice without `[x]`), its types, whether it repeats."""

    name: str
    types: tuple[str, ...]
    many: bool
    choice: bool

    def json_name(self, type_name: str) -> str:
        """The name of the JSON property that holds the element when it is of this type."""
        return self.name + type_name[0].upper() + type_name[1:] if self.choice else self.name


@dataclass(frozen=True, slots=True)
class Definitions:
    """The whole table."""

    primitives: frozenset[str]
    resources: frozenset[str]
    types: Mapping[str, Mapping[str, str]]


@cache
def definitions() -> Definitions:
    """The table, read once."""
    raw = json.loads(files(__package__).joinpath("r4.json").read_text(encoding="utf-8"))
    return Definitions(frozenset(raw["primitives"]), frozenset(raw["resources"]), raw["types"])


@cache
def element(type_name: str, name: str) -> Element | None:
    """The element of a type by its name, without `[x]`; None if there is none."""
    found = definitions().types.get(type_name, {})
    for key, choice in ((name, False), (f"{name}[x]", True)):
        if key in found:
            text = found[key]
            return Element(name, tuple(text.removesuffix("*").split("|")), text.endswith("*"), choice)
    return None


def element_names(type_name: str) -> list[str]:
    """The names of a type's elements, as a path writes them."""
    return [name.removesuffix("[x]") for name in definitions().types.get(type_name, {})]


def choice_of(type_name: str, json_name: str) -> tuple[str, str] | None:
    """The (choice, type) a JSON property such as `valueQuantity` stands for, if it is one of the type's."""
    for key, types in definitions().types.get(type_name, {}).items():
        if not key.endswith("[x]"):
            continue
        choice = Element(
            key.removesuffix("[x]"), tuple(types.removesuffix("*").split("|")), many=False, choice=True
        )
        for kind in choice.types:
            if choice.json_name(kind) == json_name:
                return choice.name, kind
    return None


def is_primitive(type_name: str) -> bool:
    """Whether the type is a FHIR primitive (its JSON form is a single value)."""
    return type_name in definitions().primitives


def is_resource(type_name: str) -> bool:
    """Whether the name is that of a concrete R4 resource type."""
    return type_name in definitions().resources


def resource_types() -> frozenset[str]:
    """The names of all R4 resource types."""
    return definitions().resources


def is_known(type_name: str) -> bool:
    """Whether the name is that of any R4 type."""
    return is_primitive(type_name) or type_name in definitions().types
