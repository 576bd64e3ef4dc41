"""The systems that send the data, and the habits by which they can be told apart.

`main` is a present-day EHR: literal references, version numbers and time stamps. `legacy` exports what once
were Bundles: `urn:uuid:` references to what it made, searches for what it did not, no time stamps, version
numbers for half of the patients. `partner` is another company's server: absolute URLs, logical references,
time stamps in UTC, no version numbers.
"""

from dataclasses import dataclass

from a360.synth._clock import UTC, Moment, Zone
from a360.synth._dice import Dice, Weighted
from a360.synth._fhir import BASE, SECURITY, SERVER, TAG, Resource


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference may point to: a resource's type and id, its name, and its identifier if any."""

    kind: str
    id: str
    display: str | None = None
    identifier: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class SendingSystem:
    """One system's habits."""

    name: str
    stamped: bool
    versioned: float
    universal: bool
    own: Weighted[str]
    shared: Weighted[str]

    def meta(self, dice: Dice, zone: Zone, when: Moment, version: int | None) -> Resource:
        """The `meta` this system gives to a version written at that moment; None has no number."""
        meta: Resource = {}
        if version is not None:
            meta["versionId"] = str(version)
        if self.stamped:
            milliseconds = dice.between(0, 59_999)
            if self.universal:
                meta["lastUpdated"] = UTC.instant(zone.universal(when), milliseconds)
            else:
                meta["lastUpdated"] = zone.instant(when, milliseconds)
        meta["source"] = f"{BASE}/system/{self.name}"
        meta["security"] = SECURITY
        meta["tag"] = TAG
        return meta

    def reference(self, dice: Dice, target: Target) -> Resource:
        """A reference to the target as this system would write it."""
        shared = target.kind in _SHARED
        way = dice.weighted(self.shared if shared else self.own)
        if target.identifier is None and way in _NEEDS_IDENTIFIER:
            way = "literal"
        reference = _WAYS[way](target)
        if target.display is not None:
            reference["display"] = target.display
        return reference


_SHARED = frozenset({"Practitioner", "Organization", "Location", "Device"})
_NEEDS_IDENTIFIER = frozenset({"conditional", "logical"})


def _literal(target: Target) -> Resource:
    return {"reference": f"{target.kind}/{target.id}"}


def _absolute(target: Target) -> Resource:
    return {"reference": f"{SERVER}/{target.kind}/{target.id}"}


def _urn(target: Target) -> Resource:
    return {"reference": f"urn:uuid:{target.id}"}


def _conditional(target: Target) -> Resource:
    system, value = target.identifier or ("", "")
    return {"reference": f"{target.kind}?identifier={system}|{value}"}


def _logical(target: Target) -> Resource:
    system, value = target.identifier or ("", "")
    return {"type": target.kind, "identifier": {"system": system, "value": value}}


_WAYS = {
    "literal": _literal,
    "absolute": _absolute,
    "urn": _urn,
    "conditional": _conditional,
    "logical": _logical,
}

SYSTEMS = {
    "main": SendingSystem(
        name="main",
        stamped=True,
        versioned=1.0,
        universal=False,
        own=Weighted([("literal", 984), ("absolute", 12), ("conditional", 4)]),
        shared=Weighted([("literal", 955), ("conditional", 25), ("logical", 10), ("absolute", 10)]),
    ),
    "legacy": SendingSystem(
        name="legacy",
        stamped=False,
        versioned=0.5,
        universal=False,
        own=Weighted([("urn", 95), ("literal", 5)]),
        shared=Weighted([("conditional", 80), ("literal", 16), ("logical", 4)]),
    ),
    "partner": SendingSystem(
        name="partner",
        stamped=True,
        versioned=0.0,
        universal=True,
        own=Weighted([("absolute", 70), ("literal", 29), ("conditional", 1)]),
        shared=Weighted([("absolute", 50), ("logical", 30), ("conditional", 10), ("literal", 10)]),
    ),
}
