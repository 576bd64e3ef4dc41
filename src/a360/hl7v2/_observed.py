"""What a segment says as a whole: values whose form depends on other fields of it."""

from collections.abc import Callable
from typing import Any

from a360.hl7v2 import _replaced
from a360.hl7v2._coded import codeable, system_of, value
from a360.hl7v2._escape import unescape
from a360.hl7v2._primitives import date_time, decimal, time
from a360.hl7v2._store import Store
from a360.hl7v2._view import View

type Whole = Callable[[View, Store], Any]

_SEPARATORS = {":", "/"}
_RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
_ETHNICITY = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
_CDC = "urn:oid:2.16.840.1.113883.6.238"
_HISPANIC = {"H": ("2135-2", "Hispanic or Latino"), "N": ("2186-5", "Non Hispanic or Latino")}


def _values(view: View, store: Store) -> dict[str, Any] | None:
    """The value of an observation; several of them, each in a component of its own."""
    kind = view.segment.text(2)
    repetitions = view.pieces(5)
    units = view.pieces(6)
    normal = unescape(view.segment.raw(7)).strip()
    said: dict[str, Any] = {"referenceRange": [{"text": normal}]} if normal and normal != '""' else {}
    if kind in {"NA", "MA"}:
        made = _sampled(view)
        return {"valueSampledData": made, **said} if made else said or None
    unit = units[0] if units else []
    found = [_value(kind, parts, unit, store) for parts in repetitions]
    if kind in {"TX", "FT"} and len(found) > 1:
        # Repetitions of text are its lines.
        lines = "\n".join(unescape("^".join(parts)) for parts in repetitions)
        return {"valueString": lines, **said}
    if len(found) > 1:
        concept = codeable("")((view.pieces(3) or [[]])[0], store) or {}
        return {"component": [{"code": concept, **(each or {}), **said} for each in found]}
    first = found[0] if found else None
    return {**(first or {}), **said} or None


def _value(kind: str, parts: list[str], unit: list[str], store: Store) -> dict[str, Any] | None:
    """One value by its data type."""
    if kind == "SN":
        return _structured(parts, unit, store)
    if kind == "NM":
        number = decimal(value(parts, 0))
        if number is None:
            text = unescape("^".join(parts))
            store.note("value-unfit", "decimal")
            return {"valueString": text} if text.strip() else None
        return {"valueQuantity": {"value": number, **_units(unit, store)}}
    if kind in {"CE", "CF", "CNE", "CWE", "IS", "ID"}:
        if (
            not any(value(parts, at) for at in (2, 5))
            and decimal(value(parts, 0)) is not None
            and len(parts) == 1
        ):
            # A number said to be a code is a number with a unit, or it says nothing.
            return {"valueQuantity": {"value": decimal(value(parts, 0)), **_units(unit, store)}}
        made = codeable("")(parts, store)
        return {"valueCodeableConcept": made} if made else None
    return _plain(kind, parts, store)


def _plain(kind: str, parts: list[str], store: Store) -> dict[str, Any] | None:
    make = _BY_KIND.get(kind)
    made = make(parts, store) if make else None
    if made is not None or kind in _NOT_TEXT:
        return made
    text = unescape("^".join(parts))
    return {"valueString": text} if text.strip() else None


def _moment(parts: list[str], store: Store) -> dict[str, Any] | None:
    found = date_time(value(parts, 0), store.zone)
    return {"valueDateTime": found} if found else None


def _clock(parts: list[str], store: Store) -> dict[str, Any] | None:  # noqa: ARG001 - one signature for all
    found = time(value(parts, 0))
    return {"valueTime": found} if found else None


def _period(parts: list[str], store: Store) -> dict[str, Any] | None:
    ends = {name: date_time(value(parts, at), store.zone) for at, name in enumerate(("start", "end"))}
    made = {name: found for name, found in ends.items() if found}
    return {"valuePeriod": made} if made else None


def _range(parts: list[str], store: Store) -> dict[str, Any] | None:  # noqa: ARG001 - one signature for all
    ends = {name: decimal(value(parts, at)) for at, name in enumerate(("low", "high"))}
    made = {name: {"value": found} for name, found in ends.items() if found is not None}
    return {"valueRange": made} if made else None


def _amount(parts: list[str], store: Store) -> dict[str, Any] | None:
    made = _replaced.BY_MAP["CQ[Quantity]"][0]("")(parts, store)
    return {"valueQuantity": made} if made else None


def _either(parts: list[str], store: Store) -> dict[str, Any] | None:  # noqa: ARG001 - one signature for all
    words = "-".join(unescape(part) for part in parts if part)
    return {"valueString": words} if words else None


def _attached(kind: str, parts: list[str], store: Store) -> dict[str, Any] | None:
    made = _replaced.BY_MAP[f"{kind}[Attachment]"][0]("")(parts, store)
    url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.valueAttachment"
    return {"extension": [{"url": url, "valueAttachment": made}]} if made else None


_BY_KIND: dict[str, Callable[[list[str], Store], dict[str, Any] | None]] = {
    "DT": _moment,
    "DTM": _moment,
    "TS": _moment,
    "TM": _clock,
    "DR": _period,
    "NR": _range,
    "CQ": _amount,
    "VR": _either,
    "ED": lambda parts, store: _attached("ED", parts, store),
    "RP": lambda parts, store: _attached("RP", parts, store),
}
_NOT_TEXT = frozenset(("ED", "RP"))


def _structured(parts: list[str], unit: list[str], store: Store) -> dict[str, Any] | None:
    """A structured numeric: a quantity, a ratio, a range, or words where it is none of them."""
    comparator, sign = value(parts, 0).strip(), value(parts, 2).strip()
    first, second = decimal(value(parts, 1)), decimal(value(parts, 3))
    units = _units(unit, store)
    if comparator != "<>" and first is not None:
        if sign in _SEPARATORS and second is not None:
            numerator: dict[str, Any] = {"value": first, **units}
            if comparator in {"<", "<=", ">", ">="}:
                numerator["comparator"] = comparator
            return {"valueRatio": {"numerator": numerator, "denominator": {"value": second, **units}}}
        if sign == "-" and second is not None:
            return {"valueRange": {"low": {"value": first, **units}, "high": {"value": second, **units}}}
        if not sign:
            quantity: dict[str, Any] = {"value": first, **units}
            if comparator in {"<", "<=", ">", ">="}:
                quantity["comparator"] = comparator
            return {"valueQuantity": quantity}
    words = " ".join(text for at in range(4) if (text := value(parts, at)))
    return {"valueString": f"{words} {value(unit, 0)}".strip()} if words else None


def _units(unit: list[str], store: Store) -> dict[str, Any]:
    code, text, system = value(unit, 0), value(unit, 1), value(unit, 2)
    found: dict[str, Any] = {}
    if code and system:
        found["code"] = " ".join(code.split())
        found["system"] = system_of(system, store)
    if text or (code and not system):
        found["unit"] = text or code
    return found


def _sampled(view: View) -> dict[str, Any] | None:
    numbers = [value(parts, at) for parts in view.pieces(5) for at in range(len(parts)) if value(parts, at)]
    if not numbers:
        return None
    return {"origin": {"value": 0}, "period": 1, "dimensions": 1, "data": " ".join(numbers)}


def _race(field: int) -> Whole:
    def build(view: View, store: Store) -> dict[str, Any] | None:  # noqa: ARG001 - as all
        inner: list[dict[str, Any]] = []
        words = []
        for parts in view.pieces(field):
            code, display, version = " ".join(value(parts, 0).split()), value(parts, 1), value(parts, 6)
            text = value(parts, 8) or display or code
            if not text:
                continue
            words.append(text)
            coding = {"code": code, "display": display, "system": _CDC, "version": version}
            if code:
                inner.append({"url": "ombCategory", "valueCoding": {k: v for k, v in coding.items() if v}})
        if not words:
            return None
        return {"url": _RACE, "extension": [*inner, {"url": "text", "valueString": "+".join(words)}]}

    return build


def _ethnicity(view: View, store: Store) -> dict[str, Any] | None:  # noqa: ARG001 - as all
    for parts in view.pieces(22):
        known = _HISPANIC.get(value(parts, 0).strip().upper())
        text = known[1] if known else value(parts, 8) or value(parts, 1) or value(parts, 0)
        if not text:
            continue
        inner: list[dict[str, Any]] = []
        if known:
            coding = {"code": known[0], "display": known[1], "system": _CDC}
            if value(parts, 6):
                coding["version"] = value(parts, 6)
            inner.append({"url": "ombCategory", "valueCoding": coding})
        return {"url": _ETHNICITY, "extension": [*inner, {"url": "text", "valueString": text}]}
    return None


def _minutes(view: View, store: Store) -> int | None:  # noqa: ARG001 - one signature for all
    """How long an appointment takes."""
    found = _replaced.in_minutes(view.segment.text(9), view.segment.text(10) or "min")
    return found if found and found > 0 else None


BY_SEGMENT: dict[str, tuple[Whole, str]] = {
    "OBX[Observation-Values]": (
        _values,
        "the form of a value depends on its type, its units and how many there are",
    ),
    "PID[Extension-Race]": (_race(10), "the guide has no map for race, which US profiles ask for"),
    "PID[Extension-Ethnicity]": (_ethnicity, "the guide has no map for ethnicity, which US profiles ask for"),
    "NK1[Extension-Race]": (_race(35), "the guide has no map for race, which US profiles ask for"),
    "SCH[positiveInt-Minutes]": (_minutes, "a length of time is counted in the units beside it"),
}
