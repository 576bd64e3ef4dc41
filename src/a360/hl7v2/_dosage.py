"""Dosages: of one, an RXE or RXO tells the dose, TQ1 the times, and RXR the route."""

from typing import Any

from a360.hl7v2._convey import fill
from a360.hl7v2._store import Resource

# What one segment says of a dosage; a dosage that has it already is another one.
_TOLD = ("timing", "route", "site", "method", "maxDosePerLifetime")
# What a further time has of the one before.
_SHARED = ("doseAndRate", "route", "site", "method")


def dose(resource: Resource, made: Resource) -> None:
    """Take out of `made` what one more segment says of dosages, and say it of those that lack it."""
    dosages: list[Resource] = list(made.pop("dosageInstruction"))
    held = resource.get("dosageInstruction")
    if held is None:
        resource["dosageInstruction"] = dosages
        return
    for more in dosages:
        # From the end: who lacks something is behind those that have it.
        at = len(held)
        while at and not _has(held[at - 1], more):
            at -= 1
            held[at] = _with(held[at], more)
        if at == len(held):
            held.append({**{name: held[-1][name] for name in _SHARED if name in held[-1]}, **more})


def _has(dosage: Resource, more: Resource) -> bool:
    if "sequence" in more:
        return "sequence" in dosage
    return any(name in dosage and name in more for name in _TOLD)


def _with(dosage: Resource, more: Resource) -> Resource:
    found: dict[str, Any] = dict(dosage)
    texts = [each["text"] for each in (dosage, more) if "text" in each]
    fill(found, more)
    if len(texts) > 1 and texts[0] != texts[1]:
        found["text"] = "; ".join(texts)
    return found
