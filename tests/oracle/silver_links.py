"""Which record of a patient stands for which, read from what patients and Linkages say of each other."""

from silver_references import Follower
from silver_values import Json

NEVER = float("-inf")
EVENTS = "http://terminology.hl7.org/CodeSystem/v2-0003"
MOVES = {"A42", "A45", "A50", "A51"}


def links(r: Json, to: Follower) -> list[Json]:
    """What a resource says of two records of a patient."""
    if r["resourceType"] == "Patient":
        return [
            {
                "resource_type": "Patient",
                "resource_id": r["id"],
                "link_index": place,
                "patient_key": r["id"],
                "other_key": to.one(link["other"], "Patient"),
                "type": link["type"],
                "active": True,
            }
            for place, link in enumerate(r.get("link", []))
        ]
    if r["resourceType"] != "Linkage":
        return []
    stays = [item["resource"] for item in r["item"] if item["type"] == "source"]
    goes = [item["resource"] for item in r["item"] if item["type"] == "historical"]
    return [
        {
            "resource_type": "Linkage",
            "resource_id": r["id"],
            "link_index": place,
            "patient_key": to.one(old, "Patient"),
            "other_key": to.one(stays[0], "Patient"),
            "type": "replaced-by",
            "active": r.get("active", True),
        }
        for place, old in enumerate(goes)
        if stays and means_patient(stays[0])
    ]


def means_patient(reference: Json) -> bool:
    """Whether a reference may mean a patient."""
    text = reference.get("reference", "")
    return reference.get("type") == "Patient" or "Patient/" in text or "Patient?" in text


def moved(r: Json, to: Follower) -> list[Json]:
    """A visit that an event of HL7 v2 has moved or numbered anew, as a Provenance tells."""
    events = [c for c in r.get("activity", {}).get("coding", []) if c.get("system") == EVENTS]
    was = [e["what"] for e in r.get("entity", []) if e["role"] == "revision"]
    if not was or "Encounter/" not in was[0].get("reference", ""):
        return []
    if not any(event.get("code") in MOVES for event in events):
        return []
    targets = {each["reference"].split("/")[0]: each for each in reversed(r["target"])}
    return [
        {
            "encounter_move_id": r["id"],
            "encounter_id": to.one(was[0], "Encounter"),
            "other_id": to.one(targets.get("Encounter"), "Encounter"),
            "patient_key": to.one(targets.get("Patient"), "Patient"),
            "event_code": events[0]["code"],
        }
    ]


def standing(said: list[Json]) -> dict[tuple[str, str], tuple[float, bool]]:
    """The newest word on each pair of records: when it was said, and whether one replaces the other."""
    pairs: dict[tuple[str, str], tuple[float, bool]] = {}
    for row in said:
        one, other = row["patient_key"], row["other_key"]
        if row["type"] == "replaces":
            one, other = other, one
        if row["type"] in {"replaced-by", "replaces"} and None not in (one, other) and one != other:
            at = NEVER if row["last_updated"] is None else row["last_updated"].timestamp()
            if (one, other) not in pairs or at > pairs[one, other][0]:
                pairs[one, other] = at, row["active"]
    return pairs


def survivors(said: list[Json]) -> dict[str, str]:
    """The record that each replaced one ends in, by the newest word on each, less a circle's oldest."""
    newest: dict[str, tuple[float, str]] = {}
    for (one, other), (at, active) in standing(said).items():
        if active and (one not in newest or at > newest[one][0]):
            newest[one] = at, other
    for start in list(newest):
        path = [start]
        while path[-1] in newest and newest[path[-1]][1] not in path:
            path.append(newest[path[-1]][1])
        if path[-1] in newest:
            circle = path[path.index(newest[path[-1]][1]) :]
            del newest[min(circle, key=lambda each: newest[each][0])]
    found = {}
    for one in newest:
        end = one
        while end in newest:
            end = newest[end][1]
        found[one] = end
    return found
