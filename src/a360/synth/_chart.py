"""What is written about one patient, and in whose manner."""

from typing import NamedTuple

from a360.errors import InternalError
from a360.synth._clock import Moment
from a360.synth._dice import Dice
from a360.synth._fhir import Resource
from a360.synth._sending import Target
from a360.synth._world import Clinic, World


class Record(NamedTuple):
    """A resource to be written. `settled`: the last word on its resource, so it may be made dirty."""

    resource: Resource
    settled: bool = True


class Chart:
    """Collects the records of one patient, written by the system of the home clinic.

    Each area of the room throws its own dice, so that a change in one leaves the others' data as they were.
    """

    def __init__(self, world: World, clinic: Clinic, name: str | int, subject: Target | None = None) -> None:
        self.world = world
        self.clinic = clinic
        self._subject = subject
        self.zone = clinic.zone
        self.records: list[Record] = []
        self.deleted: list[tuple[str, str]] = []
        self._name = name
        self._manner = self.dice("manner")
        self._numbered = self._manner.chance(clinic.system.versioned)

    def dice(self, area: str) -> Dice:
        """The dice of one area for this patient."""
        return Dice(self.world.seed, self._name, area)

    def ref(self, target: Target) -> Resource:
        """A reference in the manner of the sending system."""
        return self.clinic.system.reference(self._manner, target)

    def patient(self, display: str | None = None) -> Resource:
        """A reference to the patient, with the name beside it where systems show it."""
        if self._subject is None:
            raise InternalError("internal", "a chart without a patient was asked for one", where="a360.synth")
        reference = self.ref(self._subject)
        if display is not None:
            reference["display"] = display
        return reference

    def at(self, moment: Moment) -> str:
        """A dateTime with the offset of the clinic."""
        return self.zone.local(moment)

    def write(
        self, target: Target, when: Moment, fields: Resource, *, version: int = 1, settled: bool = True
    ) -> None:
        """Record a version of a resource, written at that moment."""
        meta = self.clinic.system.meta(self._manner, self.zone, when, version if self._numbered else None)
        resource: Resource = {"resourceType": target.kind, "id": target.id, "meta": meta}
        resource.update(fields)
        self.records.append(Record(resource, settled))

    def revise(self, target: Target, first: tuple[Moment, Resource], last: tuple[Moment, Resource]) -> None:
        """Record two versions of a resource; systems that stamp time may send the newer one first."""
        start = len(self.records)
        self.write(target, first[0], first[1], version=1, settled=False)
        # Neither may be made dirty: a reader who loses the last one would rightly fall back to the first.
        self.write(target, last[0], last[1], version=2, settled=False)
        if self.clinic.system.stamped and self._manner.chance(0.3):
            self.records[start:] = self.records[start:][::-1]

    def delete(self, target: Target) -> None:
        """Record that a resource, written before, has since been deleted."""
        self.deleted.append((target.kind, target.id))
        self.records = [
            record._replace(settled=False) if record.resource["id"] == target.id else record
            for record in self.records
        ]
