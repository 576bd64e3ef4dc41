"""What is written beside the FHIR export, put together: of each patient, and then of all that they share."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from a360.errors import UsageError
from a360.synth._chart import Record
from a360.synth._flaws import Flaws
from a360.synth._gadgets import Gadgets
from a360.synth._letters import Letters
from a360.synth._marketing import write_campaigns, write_leads
from a360.synth._office import Office
from a360.synth._people import Person
from a360.synth._pictures import Album
from a360.synth._plan import Visit
from a360.synth._rota import Rota
from a360.synth._stock import Stock
from a360.synth._tables import OTHER_KINDS, OtherFiles
from a360.synth._world import Clinic, World


@dataclass(slots=True)
class Others:
    """Writes the other kinds that were asked for."""

    world: World
    files: OtherFiles
    _stock: Stock = field(init=False)
    _rota: Rota = field(init=False)

    def __post_init__(self) -> None:
        """Begin with empty shelves and an empty rota."""
        self._stock, self._rota = Stock(self.world), Rota(self.world)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.files.abandon()

    def patient(
        self, clinic: Clinic, person: Person, index: int, visits: list[Visit], records: list[Record]
    ) -> None:
        """Write what belongs to one patient."""
        files, world = self.files, self.world
        visits = sorted(visits, key=lambda visit: visit.start)
        if files.wants("extracts"):
            Office(files, world, clinic, person, index).keep(visits)
            write_leads(files, world, clinic, person, visits)
            self._stock.take(clinic, visits)
            self._rota.book(visits)
        if files.wants("events"):
            Gadgets(files, world, clinic, person, index).write(visits)
        if files.wants("notes") and not files.full("notes"):
            Letters(files, world, clinic, person).write(visits)
        if files.wants("photos") and not files.full("photos"):
            Album(files, world, clinic, person).write(visits, records)

    def shared(self, patients: int) -> None:
        """Write what belongs to no patient, and close the files."""
        if self.files.wants("extracts"):
            write_campaigns(self.files, self.world, patients)
            self._stock.write(self.files)
            self._rota.write(self.files)
        self.files.close()

    def told(self) -> dict[str, Any]:
        """What the report and the manifest say of these files."""
        traits = {
            record: dict(sorted(counts.items())) for record, counts in sorted(self.files.traits.items())
        }
        if self._stock.unlisted["lots"]:
            traits["inventory_lot"] = dict(self._stock.unlisted)
        files = {kind: self.files.told[kind] for kind in OTHER_KINDS if kind in self.files.told}
        return {"files": files, "flaws": self.files.flaws.told(), "traits": traits}


def others(world: World, staging: Path, dirty: float, seed: int, kinds: Collection[str]) -> Others:
    """A writer of these kinds."""
    return Others(world, OtherFiles(staging, Flaws(dirty, seed), tuple(k for k in OTHER_KINDS if k in kinds)))


def check_kinds(kinds: Collection[str]) -> None:
    """Refuse what is no kind."""
    unknown = sorted(set(kinds) - set(OTHER_KINDS))
    if unknown:
        known = ", ".join(OTHER_KINDS)
        raise UsageError(
            "usage",
            "synth does not know a kind of files",
            where="kinds",
            found=f"{unknown[0]}; it knows {known}",
        )
