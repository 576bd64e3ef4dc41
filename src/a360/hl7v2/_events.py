"""What trigger events mean beyond their segments: merges, moves, cancellations and deletions."""

from collections.abc import Mapping
from itertools import combinations, permutations
from typing import NamedTuple

from a360.hl7v2._message import Message
from a360.hl7v2._primitives import instant
from a360.hl7v2._store import Resource, Store, content_key


class Effect(NamedTuple):
    """What an event makes of the resources of a type."""

    kind: str
    element: str
    value: str | bool


# Statuses that follow from the event itself, whatever the segments say.
EFFECTS: dict[str, tuple[Effect, ...]] = {
    "ADT^A03": (Effect("Encounter", "status", "finished"),),
    **dict.fromkeys(("ADT^A05", "ADT^A14"), (Effect("Encounter", "status", "planned"),)),
    **dict.fromkeys(("ADT^A16", "ADT^A25", "ADT^A26"), (Effect("Encounter", "status", "in-progress"),)),
    **dict.fromkeys(("ADT^A21", "ADT^A53"), (Effect("Encounter", "status", "onleave"),)),
    "ADT^A11": (Effect("Encounter", "status", "cancelled"),),
    "ADT^A23": (Effect("Encounter", "status", "entered-in-error"),),
    "ADT^A27": (Effect("Encounter", "status", "cancelled"),),
    "ADT^A29": (Effect("Patient", "active", value=False),),
    "ADT^A38": (Effect("Encounter", "status", "cancelled"),),
    "BAR^P02": (Effect("Account", "status", "entered-in-error"),),
    "BAR^P06": (Effect("Account", "status", "inactive"),),
    "MDM^T11": (Effect("DocumentReference", "status", "entered-in-error"),),
    "SIU^S15": (Effect("Appointment", "status", "cancelled"),),
    "SIU^S16": (Effect("Appointment", "status", "cancelled"),),
    "SIU^S17": (Effect("Appointment", "status", "entered-in-error"),),
    "SIU^S26": (Effect("Appointment", "status", "noshow"),),
}
# Cancellations that undo the end of a visit: it goes on, and has no end.
_REOPENED = frozenset(("ADT^A13",))


class Merge(NamedTuple):
    """One thing that becomes another: the role that stays and the role that goes."""

    stays: str
    goes: str


_PATIENTS = (Merge("patient", "old-patient"),)
_ACCOUNTS = (Merge("account", "old-account"),)
_VISITS = (Merge("encounter", "old-encounter"),)
MERGES: dict[str, tuple[Merge, ...]] = {
    **{f"ADT^A{number}": _PATIENTS for number in ("18", "30", "34", "36", "39", "40", "46", "47", "48")},
    **{f"ADT^A{number}": _ACCOUNTS for number in ("35", "41", "49")},
    **{f"ADT^A{number}": _VISITS for number in ("42", "45", "50", "51")},
}
# Two records that belong together, and stay two.
_LINKED = frozenset(("ADT^A24",))
# What was linked or merged is on its own again.
_UNLINKED = frozenset(("ADT^A37",))
# Numbers that are another person's from now on.
_HANDED_OVER = frozenset(("ADT^A43",))
# Who is deleted, so that there is nothing left to say of them.
_DELETED = {"ADT^A29": "Patient"}
# Messages of these name the patients and visits that they put together, and say little more of them.
REARRANGED = frozenset((*MERGES, *_UNLINKED, *_HANDED_OVER))
VISITS_MOVED = frozenset(event for event, merges in MERGES.items() if merges is _VISITS)
_EVENTS = "http://terminology.hl7.org/CodeSystem/v2-0003"
_GONE = {"Account": "entered-in-error", "Encounter": "entered-in-error"}


def finish(message: Message, store: Store) -> None:
    """Express in FHIR what the event did to what the message is about."""
    event = f"{message.code}^{message.event}"
    for effect in EFFECTS.get(event, ()):
        for resource in store.resources.values():
            if resource["resourceType"] == effect.kind:
                resource[effect.element] = effect.value
    if event in _REOPENED:
        for reference in _named_as(store, "Encounter"):
            _reopen(store.get(reference))
    patients = _named_as(store, "Patient") if event in _LINKED or event in _UNLINKED else []
    for first, second in combinations(patients, 2):
        _pair(store, *sorted((first, second)), active=event in _LINKED)
    if event in _UNLINKED:
        for stays, goes in permutations(patients, 2):
            _link(store, stays, goes, active=False)


def _reopen(visit: Resource) -> None:
    visit["status"] = "in-progress"
    if "period" in visit:
        visit["period"] = {name: each for name, each in visit["period"].items() if name != "end"}
        if not visit["period"]:
            del visit["period"]


def deleted(message: Message, store: Store) -> frozenset[str]:
    """The references of what an event deletes."""
    kind = _DELETED.get(f"{message.code}^{message.event}")
    return frozenset(_named_as(store, kind) if kind else ())


def _named_as(store: Store, kind: str) -> list[str]:
    """The references of the resources of a type."""
    return [str(name) for name, each in store.resources.items() if each["resourceType"] == kind]


def merge_group(message: Message, store: Store, roles: dict[str, str]) -> None:
    """Express in FHIR what became of what in one group of patient and prior ids."""
    event = f"{message.code}^{message.event}"
    for merge in MERGES.get(event, ()):
        stays, goes = roles.get(merge.stays), roles.get(merge.goes)
        if stays and goes and stays != goes:
            _merge(store, stays, goes)
    if event in VISITS_MOVED and roles.get("patient") and roles.get("encounter"):
        _move(message, store, roles)


def _move(message: Message, store: Store, roles: Mapping[str, str]) -> None:
    """Say whose a visit is from now on, as a thing of its own: its message says little else of the visit.

    The id is that of the visit as it was, so that of several moves of a visit the last one counts.
    """
    stays, was = roles["encounter"], roles.get("old-encounter") or roles["encounter"]
    recorded = instant(message.header.raw(7), store.zone)
    move: Resource = {
        "target": [{"reference": stays}, {"reference": roles["patient"]}],
        "recorded": recorded,
        "activity": {"coding": [{"system": _EVENTS, "code": message.event}]},
        "agent": [{"who": {"display": message.header.text(4) or message.header.text(3) or "not stated"}}],
        "entity": [{"role": "revision", "what": {"reference": was}}],
    }
    if recorded:
        store.add("Provenance", move, content_key({"moved": was}))


def _merge(store: Store, stays: str, goes: str) -> None:
    """Say on both, and in a Linkage, that one has become the other."""
    kept, gone = store.get(stays), store.get(goes)
    if kept["resourceType"] == "Patient":
        gone["active"] = False
        gone["link"] = [{"other": {"reference": stays}, "type": "replaced-by"}]
        kept["link"] = [*kept.get("link", ()), {"other": {"reference": goes}, "type": "replaces"}]
    else:
        gone["status"] = _GONE[gone["resourceType"]]
    _link(store, stays, goes, active=True)


def _link(store: Store, stays: str, goes: str, *, active: bool) -> None:
    """Say that one record has become another, or that it has not; of each pair the last word counts."""
    linkage = _linkage(store, {"source": stays, "historical": goes}, active=active)
    store.add("Linkage", linkage, content_key({"stays": stays, "goes": goes}))


def _pair(store: Store, first: str, second: str, *, active: bool) -> None:
    """Say that two records belong together, though neither has become the other."""
    linkage = _linkage(store, {"source": first, "alternate": second}, active=active)
    store.add("Linkage", linkage, content_key({"pair": [first, second]}))


def _linkage(store: Store, items: Mapping[str, str], *, active: bool) -> Resource:
    named = [{"type": kind, "resource": _named(store.get(each), each)} for kind, each in items.items()]
    return {"active": active, "item": named}


def _named(resource: Resource, reference: str) -> dict[str, object]:
    """A reference with the identifier it stands for, which says more to a reader than an id."""
    found: dict[str, object] = {"reference": reference, "type": resource["resourceType"]}
    identifiers = resource.get("identifier")
    if identifiers:
        found["identifier"] = identifiers[0]
    return found
