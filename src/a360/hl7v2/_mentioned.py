"""What a message only mentions: a view of a thing that another kind of message is the source of.

A result names its patient in a few fields; taken for the latest word on the patient, it would put away all
that the admission said. Who keeps resources can tell by this which of two views to hold.
"""

from collections.abc import Iterable
from functools import lru_cache

# Of whom and of what no message of ours is the source.
_ALWAYS = frozenset(("Device", "Location", "Organization", "Practitioner", "PractitionerRole"))
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


def mentioned(code: str, references: Iterable[str]) -> frozenset[str]:
    """The references of those resources that a kind of message is not the source of."""
    foreign = _foreign(code)
    return frozenset([each for each in references if each.partition("/")[0] in foreign])


@lru_cache(64)
def _foreign(code: str) -> frozenset[str]:
    return _ALWAYS | {kind for kind, sources in _SOURCES.items() if code not in sources}
