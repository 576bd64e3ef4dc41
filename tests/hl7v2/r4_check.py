"""Whether a resource has the structure R4 gives it: elements, how often, and the form of primitive values.

The element table of the FHIR room is the oracle, which the converter does not use.
"""

import re

from a360.fhir._definitions import definitions, element, is_primitive, is_resource

_DATE = r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?"
_TIME = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
_ZONE = r"(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))"
_FORMS = {
    "base64Binary": r"[0-9A-Za-z+/=\s]+",
    "code": r"[^\s]+( [^\s]+)*",
    "date": _DATE,
    "dateTime": rf"{_DATE}|\d{{4}}-\d\d-\d\dT{_TIME}{_ZONE}",
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "instant": rf"\d{{4}}-\d\d-\d\dT{_TIME}{_ZONE}",
    "time": _TIME,
    "uri": r"\S+",
    "url": r"\S+",
}
_NUMBERS = {"integer": (int,), "positiveInt": (int,), "unsignedInt": (int,), "decimal": (int, float)}


def faults(resource):
    """Where a resource departs from R4's structure."""
    kind = resource.get("resourceType")
    if not is_resource(kind):
        return [f"{kind} is no resource"]
    body = {name: value for name, value in resource.items() if name != "resourceType"}
    return list(_object(kind, kind, body))


def _object(path, kind, value):
    if not isinstance(value, dict) or not value:
        yield f"{path}: not an object"
        return
    for name, inner in value.items():
        beside = name.startswith("_")
        found = _element(kind, name.removeprefix("_"))
        if found is None:
            yield f"{path}.{name}: no such element"
            continue
        inner_kind, many = found
        if many != isinstance(inner, list):
            yield f"{path}.{name}: {'one' if many else 'many'} where R4 has {'many' if many else 'one'}"
            continue
        for each in inner if many else [inner]:
            if beside or not is_primitive(inner_kind):
                yield from _object(f"{path}.{name}", "Element" if beside else inner_kind, each)
            else:
                yield from _primitive(f"{path}.{name}", inner_kind, each)


def _element(kind, name):
    found = element(kind, name)
    if found is not None and not found.choice:
        return found.types[0], found.many
    for stem, types in definitions().types.get(kind, {}).items():
        if stem.endswith("[x]") and name.startswith(stem[:-3]):
            for each in types.rstrip("*").split("|"):
                if name[len(stem) - 3 :] == each[0].upper() + each[1:]:
                    return each, False
    return None


def _primitive(path, kind, value):
    if kind == "boolean":
        fits = isinstance(value, bool)
    elif kind in _NUMBERS:
        fits = isinstance(value, _NUMBERS[kind]) and not isinstance(value, bool)
    else:
        fits = isinstance(value, str) and bool(value.strip())
        form = _FORMS.get(kind)
        fits = fits and (form is None or re.fullmatch(form, value) is not None)
    if not fits:
        yield f"{path}: no {kind}"
