"""What a message only mentions: a view of a thing that another kind of message is the source of.

A result names its patient in a few fields; taken for the latest word on the patient, it would put away all
that the admission said. Who keeps resources can tell by this which of two views to hold.
"""

from collections.abc import Mapping
from functools import lru_cache

from a360.hl7v2._events import REARRANGED
from a360.hl7v2._message import Message
from a360.hl7v2._store import Resource

# Of whom and of what no message of ours is the source.
_ALWAYS = frozenset(("Device", "Location", "Organization", "Practitioner", "PractitionerRole"))
# What a message that merges or moves may put together.
_REARRANGED = frozenset(("Account", "Encounter", "Patient"))
# Other types, by the messages that are their source.
_SOURCES = {
    **dict.fromkeys(("Patient", "RelatedPerson", "EpisodeOfCare"), frozenset(("ADT", "BAR"))),
    "Encounter": frozenset(("ADT", "BAR")),
    **dict.fromkeys(("Account", "Coverage"), frozenset(("ADT", "BAR", "DFT"))),
    **dict.fromkeys(("AllergyIntolerance", "Condition"), frozenset(("ADT", "BAR", "REF"))),
    "ServiceRequest": frozenset(("OMG", "OML", "ORM", "REF", "SIU")),
    "MedicationRequest": frozenset(("ORM", "RDE")),
    "Specimen": frozenset(("OML", "ORU", "OUL")),
}


def mentioned(message: Message, resources: Mapping[str, Resource]) -> frozenset[str]:
    """The references of those resources that a message is not the source of.

    One that merges or moves names whom and what it puts together; of these only what is no more is its word.
    """
    foreign = _foreign(message.code)
    found = [each for each in resources if each.partition("/")[0] in foreign]
    if f"{message.code}^{message.event}" in REARRANGED:
        found += [
            reference
            for reference, resource in resources.items()
            if resource["resourceType"] in _REARRANGED and resource.get("status") != "entered-in-error"
        ]
    return frozenset(found)


@lru_cache(64)
def _foreign(code: str) -> frozenset[str]:
    return _ALWAYS | {kind for kind, sources in _SOURCES.items() if code not in sources}
