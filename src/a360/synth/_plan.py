"""What happens to a patient, before any of it is written down in a format."""

from dataclasses import dataclass, field
from typing import Literal

from a360.synth._clock import Moment
from a360.synth._sending import Target
from a360.synth._vocab import Cancellation, Harm, Product, Treatment
from a360.synth._world import Lot, Practitioner, SharedDevice

VisitKind = Literal["consultation", "treatment", "follow-up", "unplanned"]
Outcome = Literal["fulfilled", "noshow", "cancelled", "booked"]


@dataclass(slots=True)
class Dose:
    """How much was given at one site."""

    site: str
    amount: float


@dataclass(slots=True)
class Given:
    """A treatment that was given."""

    target: Target
    treatment: Treatment
    session: int
    product: Product | None
    lot: Lot | None
    device: SharedDevice | None
    doses: list[Dose]
    severity: int
    response: float
    when: Moment
    minutes: int
    practitioner: Practitioner
    harm: Harm | None = None
    harm_noticed: int = 0

    @property
    def total(self) -> float:
        """The amount over all sites."""
        return round(sum(dose.amount for dose in self.doses), 2)

    @property
    def improved(self) -> int:
        """The severity some weeks later; two grades less at most."""
        return max(0, self.severity - int(self.response * 2.6))

    @property
    def gais(self) -> int:
        """The Global Aesthetic Improvement Scale: 1 very much improved to 5 worse."""
        grades = (0.82, 0.6, 0.36, 0.12)
        return 1 + sum(self.response < grade for grade in grades)


@dataclass(slots=True)
class Visit:
    """An appointment and what came of it. `encounter` is where it was kept, and missing where it was not."""

    number: int
    kind: VisitKind
    start: Moment
    minutes: int
    booked: Moment
    outcome: Outcome
    appointment: Target
    encounter: Target
    practitioner: Practitioner
    room: Target
    planned: list[Treatment]
    cancellation: Cancellation | None = None
    arrived: Moment = field(default_factory=lambda: Moment(0, 0))
    given: list[Given] = field(default_factory=list)
    reviewed: list[Given] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether the patient was seen."""
        return self.outcome == "fulfilled"

    @property
    def ended(self) -> Moment:
        """When the patient left."""
        return self.arrived.later(self.minutes)
