"""What goes wrong on the way: a chosen share of records is broken, wrong, or sent twice.

Resources that others refer to are never lost: a line that broke is followed by a good one, as when an export
was resumed. So what dangles was made to dangle, or refers to what a quality rule rejects.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import msgspec

from a360.synth._chart import Record
from a360.synth._dice import Dice, Weighted
from a360.synth._faults import FIELD_FAULTS
from a360.synth._fhir import Resource

Line = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class DirtyKind:
    """A way for a record to be dirty.

    `found` says what a reader has to look at: the `line` itself (nothing can be read from it), a `value` in a
    well-formed resource, a `reference`, or the records before it (`repeat`).
    """

    name: str
    found: Literal["line", "value", "reference", "repeat"]
    meaning: str
    weight: float


DIRTY_KINDS: tuple[DirtyKind, ...] = (
    DirtyKind(
        "invalid_json", "line", "A line that is not JSON: a trailing comma, a wrong quote, a lost colon.", 5
    ),
    DirtyKind("truncated", "line", "A line that ends in the middle.", 5),
    DirtyKind("invalid_utf8", "line", "A line with a Latin-1 byte in a text.", 4),
    DirtyKind("not_fhir", "line", "A JSON object without `resourceType`.", 4),
    DirtyKind("missing_id", "line", "A resource without `id`.", 5),
    DirtyKind("wrong_type", "value", "A field whose JSON type is not the one FHIR declares.", 7),
    DirtyKind("missing_required", "value", "A resource without a field that FHIR requires.", 9),
    DirtyKind("future_birth_date", "value", "A patient born a century late.", 30),
    DirtyKind("impossible_date", "value", "A date that no calendar has, such as 30 February.", 9),
    DirtyKind(
        "padded_code",
        "value",
        "A code with blanks around it, or filled up with letters to 36 characters.",
        13,
    ),
    DirtyKind("unknown_code", "value", "A code that its code system does not have.", 9),
    DirtyKind("negative_dose", "value", "A dose below zero.", 40),
    DirtyKind("end_before_start", "value", "A period that ends before it starts.", 10),
    DirtyKind(
        "dangling_reference", "reference", "A reference to a resource that is nowhere in the data.", 10
    ),
    DirtyKind("duplicate", "repeat", "The same resource a second time, byte for byte.", 14),
)

# Others refer to these: a broken line is followed by a good one.
REFERRED = frozenset(
    {
        "Patient",
        "Practitioner",
        "Organization",
        "Location",
        "Appointment",
        "Encounter",
        "Condition",
        "Procedure",
        "MedicationAdministration",
        "Device",
    }
)
_TRIES = 6


class Dirt:
    """Turns records into lines, making the asked share of them dirty and counting every one."""

    def __init__(self, share: float, seed: int) -> None:
        self.counts: Counter[str] = Counter({kind.name: 0 for kind in DIRTY_KINDS})
        self._share = share
        self._seed = seed
        self._choices: dict[str, Weighted[DirtyKind]] = {}

    def lines(self, records: Iterable[Record], owner: str | int) -> Iterator[Line]:
        """The lines of one owner's records; repeats come last."""
        dice = Dice(self._seed, owner, "dirt")
        owed = 0.0
        late: list[Line] = []
        for record in records:
            kind, line = record.resource["resourceType"], msgspec.json.encode(record.resource)
            owed += self._share
            if not record.settled:
                # What may not be touched leaves its share to the next one that may.
                yield kind, line
            elif not dice.chance(owed):
                owed = 0.0
                yield kind, line
            else:
                owed = 0.0
                yield from self._spoil(record.resource, line, dice, late)
        yield from late

    def _spoil(self, resource: Resource, line: bytes, dice: Dice, late: list[Line]) -> Iterator[Line]:
        resource_type = resource["resourceType"]
        kind, spoilt = self._fault(resource, line, dice)
        self.counts[kind.name] += 1
        if kind.found == "repeat":
            late.append((resource_type, line))
            yield resource_type, line
            return
        yield resource_type, spoilt
        if kind.found == "line" and resource_type in REFERRED:
            yield resource_type, line

    def _fault(self, resource: Resource, line: bytes, dice: Dice) -> tuple[DirtyKind, bytes]:
        """A fault that this resource can have; sent twice if none of those tried fits."""
        for _ in range(_TRIES):
            kind = dice.weighted(self._choice(resource["resourceType"]))
            if kind.found == "repeat":
                break
            if kind.name in _LINE_FAULTS:
                return kind, _LINE_FAULTS[kind.name](line, dice)
            spoilt = deepcopy(resource)
            if FIELD_FAULTS[kind.name](spoilt, dice):
                return kind, msgspec.json.encode(spoilt)
        return DIRTY_KINDS[-1], line

    def _choice(self, resource_type: str) -> Weighted[DirtyKind]:
        choice = self._choices.get(resource_type)
        if choice is None:
            only = {"future_birth_date": "Patient", "negative_dose": "MedicationAdministration"}
            choice = self._choices[resource_type] = Weighted(
                (kind, kind.weight)
                for kind in DIRTY_KINDS
                if only.get(kind.name, resource_type) == resource_type
            )
        return choice


def _invalid_json(line: bytes, dice: Dice) -> bytes:
    way = dice.between(0, 2)
    if way == 0:
        return line[:-1] + b",}"
    if way == 1:
        return line.replace(b'"resourceType"', b"'resourceType'", 1)
    return line.replace(b'":', b'" ', 1)


def _truncated(line: bytes, dice: Dice) -> bytes:
    cut = max(2, int(len(line) * (0.2 + 0.75 * dice.throw())))
    return line[:cut].decode(errors="ignore").encode()


def _invalid_utf8(line: bytes, _dice: Dice) -> bytes:
    """An é as Latin-1 wrote it, at the start of the last text of the line."""
    place = line.rindex(b'":"') + 3
    return line[:place] + b"\xe9" + line[place:]


_LINE_FAULTS: dict[str, Callable[[bytes, Dice], bytes]] = {
    "invalid_json": _invalid_json,
    "truncated": _truncated,
    "invalid_utf8": _invalid_utf8,
}
