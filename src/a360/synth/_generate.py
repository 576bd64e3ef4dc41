"""Puts the areas together: one patient after another, in bounded memory."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from a360._progress import Progress
from a360.errors import UsageError
from a360.synth._chart import Chart
from a360.synth._clock import iso
from a360.synth._dice import Dice
from a360.synth._dirt import Dirt
from a360.synth._documents import write_note
from a360.synth._fhir import Resource
from a360.synth._history import write_allergies, write_conditions, write_immunizations, write_prescriptions
from a360.synth._journey import Journey
from a360.synth._observations import Observer
from a360.synth._other import Others, check_kinds, others
from a360.synth._people import WINDOW, Person, make_person, write_patient
from a360.synth._places import shared_records
from a360.synth._plan import Visit
from a360.synth._safety import write_adverse_event, write_consents
from a360.synth._scheduling import write_visit
from a360.synth._sending import Target
from a360.synth._tables import OTHER_KINDS
from a360.synth._treatments import write_treatments
from a360.synth._vocab import vocabulary
from a360.synth._world import World, build_world
from a360.synth._writer import ExportWriter

GENERATOR_VERSION = "2"
UNTIL = date(2026, 6, 30)
ROWS_PER_FILE = 10_000
_TICK = 50
_EARLIEST, _LATEST = date(2022, 1, 1), date(2035, 12, 31)


@dataclass(frozen=True, slots=True)
class SynthReport:
    """What was written: files, lines by resource type, deletions, bytes, and the dirty lines by kind.

    `other` tells of the other kinds: `files` by kind, `flaws` by record and kind of flaw, and `traits`, which
    are no flaws but what a reader has to cope with.
    """

    files: tuple[str, ...]
    resources: dict[str, int]
    deleted: int
    bytes: int
    dirty: dict[str, int]
    seconds: float
    other: dict[str, Any] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        """All lines of the resource files, dirty ones included."""
        return sum(self.resources.values())

    def to_json(self) -> dict[str, object]:
        """The report as a JSON object."""
        return {
            "files": list(self.files),
            "resources": self.resources,
            "deleted": self.deleted,
            "bytes": self.bytes,
            "dirty": self.dirty,
            "seconds": round(self.seconds, 3),
            "other": self.other,
        }


def generate(
    folder: Path | str,
    *,
    patients: int,
    seed: int,
    dirty: float = 0.02,
    until: date = UNTIL,
    kinds: Collection[str] = OTHER_KINDS,
    progress: Progress | None = None,
) -> SynthReport:
    """Write the clinic group's data as a Bulk Data export into a folder.

    The same arguments give the same bytes on every machine. An earlier generated export in the folder is
    replaced; a folder with anything else in it is refused.

    Args:
        folder: Where to write; made if it is missing.
        patients: How many patients the group has.
        seed: Chooses the data.
        dirty: The share of records that are broken, wrong or sent twice; 0 gives clean data.
        until: The last day of the data; appointments booked by then may lie beyond it.
        kinds: What is written beside the FHIR export, each in a folder of its name.
        progress: Called as (stage, detail, done, total) now and then.

    Raises:
        UsageError: The arguments are out of range, or the folder holds other files.
    """
    _check(patients, dirty, until)
    check_kinds(kinds)
    started = time.perf_counter()
    folder = Path(folder)
    world = build_world(vocabulary(), seed, patients, until)
    dirt = Dirt(dirty, seed)
    with (
        ExportWriter(folder, ROWS_PER_FILE) as writer,
        others(world, writer.staging, dirty, seed, kinds) as beside,
    ):
        for line in dirt.lines(shared_records(world), "shared"):
            writer.add(*line)
        for index in range(patients):
            chart = _patient(world, index, beside)
            for line in dirt.lines(chart.records, index):
                writer.add(*line)
            writer.add_deleted(chart.deleted)
            if progress is not None and ((index + 1) % _TICK == 0 or index + 1 == patients):
                progress("synth", f"{index + 1} of {patients} patients", index + 1, patients)
        beside.shared(patients)
        told = beside.told()
        described = {**_described(patients, seed, dirty, until), "flaws": told["flaws"]}
        files = writer.finish(f"{until + timedelta(days=1)}T12:00:00.000Z", described, told["files"])
        resources, deleted = writer.counts(), writer.deletes
    size = sum((folder / name).stat().st_size for name in files)
    return SynthReport(
        files, resources, deleted, size, dict(dirt.counts), time.perf_counter() - started, told
    )


def _check(patients: int, dirty: float, until: date) -> None:
    if patients < 1:
        raise UsageError("usage", "synth needs at least one patient", where="patients", found=str(patients))
    if not 0 <= dirty <= 1:
        raise UsageError("usage", "The dirty share lies between 0 and 1", where="dirty", found=str(dirty))
    if not _EARLIEST <= until <= _LATEST:
        found = f"{until}; allowed are {_EARLIEST} to {_LATEST}"
        raise UsageError("usage", "The last day of the data is out of range", where="until", found=found)


def _described(patients: int, seed: int, dirty: float, until: date) -> Resource:
    return {
        "generator": "a360.synth",
        "version": GENERATOR_VERSION,
        "patients": patients,
        "seed": seed,
        "dirty": dirty,
        "until": until.isoformat(),
        "since": f"{iso(until.toordinal() - WINDOW)}T00:00:00.000Z",
    }


def _patient(world: World, index: int, beside: Others) -> Chart:
    """Everything that is on record about the patient with this number; what is beside FHIR is written."""
    clinic = world.choice.at(Dice(world.seed, index, "home").throw())
    person = make_person(world, clinic, index)
    visits = Journey(world, clinic, person, index).play()
    last_seen = max((visit.ended.day for visit in visits if visit.kept), default=person.first_day)
    _maybe_died(world, person, visits, index)
    chart = Chart(world, clinic, index, person.target)
    write_patient(chart, person, last_seen)
    _visits(chart, person, visits)
    beside.patient(clinic, person, index, visits, chart.records)
    return chart


def _visits(chart: Chart, person: Person, visits: list[Visit]) -> None:
    observer = Observer(chart, person)
    conditions: list[Target] = []
    administered: dict[str, Target] = {}
    where: dict[str, Visit] = {}
    seen = False
    for visit in sorted(visits, key=lambda visit: visit.start):
        if visit.kept and not seen:
            seen = True
            conditions = write_conditions(chart, person, visit)
            write_allergies(chart, person, visit)
            write_immunizations(chart, visit)
            write_consents(chart, person, visit)
        write_visit(chart, person, visit, conditions)
        if not visit.kept:
            continue
        administered |= write_treatments(chart, person, visit)
        where |= {given.target.id: visit for given in visit.given}
        observer.write(visit)
        write_prescriptions(chart, person, visit)
        write_note(chart, person, visit)
    for visit in visits:
        for given in visit.given:
            write_adverse_event(
                chart, person, where[given.target.id], given, administered.get(given.target.id)
            )


def _maybe_died(world: World, person: Person, visits: list[Visit], index: int) -> None:
    """A few of the old who have not been seen for long have died."""
    dice = Dice(world.seed, index, "death")
    last = max((visit.start.day for visit in visits), default=person.first_day)
    share = 0.06 if person.age(world.until) > 62 else 0.002  # noqa: PLR2004 - an age
    if last < world.until - 150 and dice.chance(share):
        person.died = last + dice.between(40, 140)
