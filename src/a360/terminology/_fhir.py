"""CodeSystem, ValueSet and ConceptMap resources of FHIR, alone or in a Bundle."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from a360.terminology._expand import Include, expanded
from a360.terminology._files import missing, unreadable
from a360.terminology._vocabulary import MAPPINGS, Kind, Vocabulary, concept_table

type Json = Mapping[str, Any]

_UNUSED = frozenset({"deprecated", "retired", "inactive"})
# R4 has words of its own for what R5 calls these.
_R4 = {
    "equal": "equivalent",
    "wider": "source-is-narrower-than-target",
    "subsumes": "source-is-narrower-than-target",
    "narrower": "source-is-broader-than-target",
    "specializes": "source-is-broader-than-target",
    "relatedto": "related-to",
}
_NONE = frozenset({"unmatched", "disjoint", "not-related-to"})


def read_fhir(
    path: Path, version: str | None = None, systems: Mapping[str, pa.Table] | None = None
) -> list[Vocabulary]:
    """The vocabularies of a JSON file; `systems` are code systems that value sets may draw on.

    Raises:
        DataError: `vocabulary-unreadable`.
    """
    if not path.is_file():
        raise missing(path)
    try:
        resource = json.loads(path.read_text(encoding="utf-8-sig"))
        resources = list(_resources(resource))
        found = [
            _code_system(each, path, version) for each in resources if each["resourceType"] == "CodeSystem"
        ]
        known = {**(systems or {}), **{each.uri: each.rows for each in found}}
        for each in resources:
            if each["resourceType"] == "ValueSet":
                found.append(_value_set(each, path, version, known))
            elif each["resourceType"] == "ConceptMap":
                found.append(_concept_map(each, path, version))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = str(error) if isinstance(error, KeyError | _UnfitError) else type(error).__name__
        raise unreadable(path, said) from None
    if not found:
        raise unreadable(path, "no CodeSystem, ValueSet or ConceptMap")
    return found


class _UnfitError(ValueError):
    """A resource that says something the lake would have to guess."""


def _resources(resource: Json) -> Iterator[Json]:
    if resource["resourceType"] == "Bundle":
        for entry in resource.get("entry", ()):
            yield entry["resource"]
    else:
        yield resource


def _described(kind: Kind, resource: Json, path: Path, version: str, rows: pa.Table) -> Vocabulary:
    return Vocabulary(
        kind,
        resource["url"],
        version,
        resource.get("name") or resource["url"].rsplit("/", 1)[-1],
        rows,
        resource.get("title"),
        resource.get("publisher"),
        resource.get("copyright"),
        path.name,
    )


def _version(resource: Json, version: str | None) -> str:
    return str(version or resource.get("version") or resource.get("date") or "unversioned")


def _code_system(resource: Json, path: Path, version: str | None) -> Vocabulary:
    if resource.get("content") in {"not-present", "supplement"}:
        raise _UnfitError(f"a CodeSystem whose content is {resource['content']} has no codes of its own")
    concepts = list(_concepts(resource.get("concept", ()), None))
    named = _version(resource, version)
    rows = concept_table(
        resource["url"],
        named,
        {
            "code": [each["code"] for each, _ in concepts],
            "display": [each.get("display") for each, _ in concepts],
            "parent_code": [_parent(each, above) for each, above in concepts],
            "status": ["inactive" if _inactive(each) else "active" for each, _ in concepts],
            "is_selectable": [_property(each, "notSelectable") is not True for each, _ in concepts],
        },
    )
    return _described("code-system", resource, path, named, rows)


def _concepts(concepts: Any, above: str | None) -> Iterator[tuple[Json, str | None]]:  # noqa: ANN401 -- JSON
    for each in concepts:
        yield each, above
        yield from _concepts(each.get("concept", ()), each["code"])


def _property(concept: Json, name: str) -> object:
    for each in concept.get("property", ()):
        if each.get("code") == name:
            return next((value for key, value in each.items() if key.startswith("value")), None)
    return None


def _parent(concept: Json, above: str | None) -> str | None:
    said = _property(concept, "parent")
    return above or (said if isinstance(said, str) else None)


def _inactive(concept: Json) -> bool:
    return _property(concept, "inactive") is True or _property(concept, "status") in _UNUSED


def _value_set(resource: Json, path: Path, version: str | None, known: Mapping[str, pa.Table]) -> Vocabulary:
    named, uri = _version(resource, version), resource["url"]
    if "expansion" in resource:
        listed = list(_contained(resource["expansion"].get("contains", ())))
        includes = [Include(each["system"], ((each["code"], each.get("display")),)) for each in listed]
    else:
        compose = resource.get("compose", {})
        if compose.get("exclude"):
            raise _UnfitError("compose.exclude: load an expansion of it")
        includes = [_include(each, known) for each in compose.get("include", ())]
    return _described("value-set", resource, path, named, expanded(uri, named, includes, known))


def _contained(contains: Any) -> Iterator[Json]:  # noqa: ANN401 -- JSON
    for each in contains:
        if "code" in each and not each.get("abstract"):
            yield each
        yield from _contained(each.get("contains", ()))


def _include(include: Json, known: Mapping[str, pa.Table]) -> Include:
    if "valueSet" in include:
        raise _UnfitError("compose.include.valueSet: load an expansion of it")
    system, listed = include["system"], include.get("concept", ())
    if listed:
        return Include(system, tuple((each["code"], each.get("display")) for each in listed))
    if system not in known:
        raise _UnfitError(f"it draws on {system}, which is not loaded")
    filters = include.get("filter", ())
    if not filters:
        return Include(system)
    if len(filters) == 1 and filters[0].get("op") == "is-a":
        return Include(system, descendants_of=filters[0]["value"])
    raise _UnfitError("compose.include.filter: is-a alone is computed here; load an expansion of it")


def _concept_map(resource: Json, path: Path, version: str | None) -> Vocabulary:
    named = _version(resource, version)
    rows = [
        {
            "map": resource["url"],
            "version": named,
            "source_system": group["source"],
            "source_code": element["code"],
            "target_system": group["target"],
            "target_code": target["code"],
            "relationship": _relationship(target),
        }
        for group in resource.get("group", ())
        for element in group.get("element", ())
        for target in element.get("target", ())
        if "code" in target and _relationship(target) not in _NONE
    ]
    return _described("concept-map", resource, path, named, pa.Table.from_pylist(rows, MAPPINGS))


def _relationship(target: Json) -> str:
    said = str(target.get("relationship") or target.get("equivalence") or "equivalent")
    return _R4.get(said, said)
