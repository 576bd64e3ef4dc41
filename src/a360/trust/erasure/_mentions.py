"""What a resource says of patients who are to be forgotten: whether it goes with them, or without them on.

A resource is a patient's where it names no other patient. One that names others too, and one of a directory,
stays: the reference goes out of it, with the identifier and the display beside it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from a360.errors import OperatorError

type Fate = Literal["untouched", "goes", "stays"]

# What holds for anybody, and tells of a patient by the way if at all.
_DIRECTORY: Final = frozenset(
    {
        "Endpoint",
        "HealthcareService",
        "InsurancePlan",
        "Location",
        "Medication",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Substance",
    }
)
# What is about several things: any other reference in it may be to somebody else.
_COLLECTIONS: Final = frozenset({"Group", "Linkage", "List", "Person"})
_ANY_PATIENT: Final = re.compile(r"(?:.*/)?(?:Patient|RelatedPerson)/[A-Za-z0-9.-]{1,64}(?:/_history/.*)?")
_ID: Final = rb"(?![A-Za-z0-9.-])"
_MASKED: Final = {
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
            "valueCode": "masked",
        }
    ]
}
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Names:
    """By what resources of one source name some people: `Patient/p1`, `urn:uuid:…`."""

    texts: tuple[str, ...]

    def found_in(self, text: bytes) -> Iterator[int]:
        """The places in a text at which one of the names stands, and not just begins another."""
        for name in self.texts:
            sought = name.encode()
            at = text.find(sought)
            while at >= 0:
                after = text[at + len(sought) : at + len(sought) + 1]
                if not re.match(rb"[A-Za-z0-9.-]", after):
                    yield at
                at = text.find(sought, at + 1)

    def has(self, reference: str) -> bool:
        """Whether a reference names one of the people."""
        bare = reference.partition("/_history/")[0]
        return any(bare == name or bare.endswith(f"/{name}") for name in self.texts)


def fate_of(text: bytes, names: Names, *, others: bool = False) -> Fate:
    """What becomes of a resource; `others` says that the lake knows it to be somebody else's."""
    resource = _decoded(text)
    references = list(_references(resource))
    if not any(map(names.has, references)):
        # In a text or a url, that is: nobody tells whose the resource is.
        return "stays"
    kind = resource.get("resourceType")
    strange = [each for each in references if not names.has(each)]
    if others or kind in _DIRECTORY or (kind in _COLLECTIONS and strange):
        return "stays"
    return "stays" if any(_ANY_PATIENT.fullmatch(each) for each in strange) else "goes"


def without(text: bytes, names: Names) -> bytes:
    """A resource without its references to people; numbers stay as they were written, to the last digit."""
    masked = _masked(_decoded(text), names)
    return _ENCODER.encode(masked)


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        resource = _DECODER.decode(text)
    except msgspec.DecodeError as error:
        raise OperatorError(
            "seal-broken",
            "A resource in bronze cannot be read",
            found=type(error).__name__,
            next_step="it was sealed by other software: find out what wrote it",
        ) from error
    return resource if isinstance(resource, dict) else {}


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        named = value.get("reference")
        if isinstance(named, str):
            yield named
        for member in value.values():
            yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)


def _masked(value: Any, names: Names) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        named = value.get("reference")
        if isinstance(named, str) and names.has(named):
            return _MASKED
        return {key: _masked(member, names) for key, member in value.items()}
    if isinstance(value, list):
        return [_masked(member, names) for member in value]
    if isinstance(value, str):
        for name in names.texts:
            if name in value:
                value = re.sub(re.escape(name) + _ID.decode(), "masked", value)
    return value
