"""What an ingest tells: counts for the call and for each file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from a360.errors import InternalError
from a360.table import OUTCOMES, StepReport

COUNTS = ("read", *OUTCOMES)


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file, in input units; `file` is its label in the lake."""

    file: str
    bytes: int
    read: int = 0
    landed: int = 0
    quarantined: int = 0
    duplicates: int = 0
    unchanged: int = 0
    superseded: int = 0
    filtered: int = 0

    def to_json(self) -> dict[str, str | int]:
        """The report as a flat JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did: a step report for each table that it landed in, and one report for each file.

    Files are counted as the first step report is. `skipped` counts files of the named folders that are no
    data: hidden, linked from elsewhere, or named otherwise than data of this kind is. `remarks` say what
    somebody should know of what was read.
    """

    reports: tuple[StepReport, ...]
    files: tuple[FileReport, ...] = field(default=())
    skipped: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def report(self) -> StepReport:
        """The report in the units that are counted at the input."""
        return self.reports[0]


def totalled(files: Sequence[FileReport], commit_id: str | None, dataset: str) -> StepReport:
    """The step's report as the sum of its files'."""
    return StepReport(
        dataset,
        commit_id,
        **{name: sum(getattr(each, name) for each in files) for name in COUNTS},
    )


def require_reconciled(files: Sequence[FileReport], report: StepReport) -> None:
    """Raise unless every file's counts add up, and so do the step's."""
    for each in files:
        counts = {name: getattr(each, name) for name in COUNTS}
        replace(StepReport(f"{report.dataset}, {each.file}", None), **counts).require_reconciled()
    report.require_reconciled()


def require_staged(what: str, staged: int, counted: int) -> None:
    """Raise unless as many rows were written as were counted."""
    if staged != counted:
        raise InternalError(
            "counts-do-not-reconcile",
            f"{counted} {what} were counted, {staged} were written",
            next_step="nothing was committed; report this with the command that was run",
        )
