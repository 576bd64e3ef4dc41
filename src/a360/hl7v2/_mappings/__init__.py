"""The mapping tables: the guide's, as `_build` made them, and ours, in the folder `ours`."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["element_types", "guide", "known_systems", "ours", "primitive_types", "vocabularies"]


@cache
def guide() -> dict[str, Any]:
    """The guide's maps: `segments`, `datatypes`, `messages`, `codes`."""
    found: dict[str, Any] = json.loads(_read("guide.json"))
    return found


@cache
def ours(name: str) -> tuple[str, ...]:
    """The lines of one of our tables, without comments and blank lines."""
    lines = (line.split(" # ")[0].rstrip() for line in _read(f"ours/{name}.txt").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


@cache
def vocabularies() -> dict[str, dict[str, list[str]]]:
    """The guide's code system maps by name, with ours laid over: a code to code, display and system."""
    found: dict[str, dict[str, list[str]]] = {name: dict(codes) for name, codes in guide()["codes"].items()}
    current: dict[str, list[str]] = {}
    system = ""
    for line in ours("codes"):
        if line.startswith("["):
            name, _, system = line[1:].rpartition("]")
            system = system.strip()
            name, _, base = name.partition(" < ")
            current = found.setdefault(name, dict(found.get(base, {})))
            continue
        source, _, target = (part.strip() for part in line.partition("->"))
        if target == "-":
            current.pop(source, None)
            continue
        code, _, display = (part.strip() for part in target.partition("|"))
        display, _, own = (part.strip() for part in display.partition("|"))
        current[source] = [code, display, own or system]
    return found


@cache
def known_systems() -> dict[str, str]:
    """Names of code systems in table 0396 and in use, to their URIs."""
    found = {}
    for line in ours("systems"):
        names, _, uri = line.partition("->")
        found.update(dict.fromkeys(names.split(), uri.strip()))
    return found


@cache
def _elements() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_read("elements.json"))
    return found


def element_types() -> dict[str, dict[str, str]]:
    """The elements of each R4 type, with their types; `*` marks those that repeat."""
    found: dict[str, dict[str, str]] = _elements()["types"]
    return found


@cache
def primitive_types() -> frozenset[str]:
    """The names of R4's primitive types."""
    return frozenset(_elements()["primitives"]["names"])


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
