"""Refused input tried again, from the bytes the quarantine has kept: nothing lands twice, nothing is lost.

What is accepted now lands as a batch of its own, then its records leave the quarantine. A process that dies
between the two leaves records of what has landed: to the next replay they are duplicates, and it clears them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from a360.contract import ReceptionPlan
from a360.failpoints import failpoint
from a360.hl7v2 import Options
from a360.ingest._again import Messages, Resources, Rows, Way
from a360.ingest._committed import FHIR, RECORDS, Ground
from a360.ingest._inflow import Inflow
from a360.ingest._inputs import Input
from a360.ingest._refusals import Refusals, Row
from a360.ingest._reports import COUNTS, totalled
from a360.ingest._rules import OF_MESSAGES, OF_RESOURCES, OF_ROWS
from a360.ingest._run import BatchRun
from a360.ingest._worked import Finished, Worked
from a360.table import StepReport, new_commit_id

_TRIED: Final = {FHIR.rows: OF_RESOURCES, RECORDS.rows: OF_MESSAGES | OF_ROWS}


@dataclass(frozen=True, slots=True)
class IngestReplay:
    """What came of one source's refused input: its counts, and how many records were cleared.

    `beside` counts what landed elsewhere with it.
    """

    report: StepReport
    cleared: int
    beside: tuple[StepReport, ...] = ()


def is_replayed(dataset: str, rule: str) -> bool:
    """Whether what a dataset refused by a rule is tried again; other input has to be ingested anew."""
    return dataset not in _TRIED or rule in _TRIED[dataset]


def replay_refused(
    inflow: Inflow, options: Options | None = None, receptions: Sequence[ReceptionPlan] = ()
) -> list[IngestReplay]:
    """Try all refused input of which the quarantine has every byte; batches of some size for each source.

    Args:
        inflow: What every kind of ingest works with; its source is that of each refused row.
        options: How messages are converted.
        receptions: How records of each type are received.

    Raises:
        ConflictError: an ingest landed meanwhile; of this batch nothing was committed.
    """
    ways: Sequence[Way] = (Resources(), Messages(options or Options()), Rows(receptions))
    return [replay for way in ways for replay in _replays(inflow, way)]


def _replays(inflow: Inflow, way: Way) -> Iterator[IngestReplay]:
    refusals = Refusals(inflow, way.grounds(inflow)[0], way.rules)
    rows = refusals.waiting()
    for source in sorted({row["source"] for row in rows}):
        of_source = replace(inflow, source=source)
        groups = _groups([row for row in rows if row["source"] == source], inflow.limits.chunk_bytes)
        yield _summed([_replay(of_source, way, refusals, group) for group in groups])


def _groups(rows: Sequence[Row], most_bytes: int) -> Iterator[Sequence[Row]]:
    first = held = 0
    for place, row in enumerate(rows):
        if held and held + row["bytes"] > most_bytes:
            yield rows[first:place]
            first, held = place, 0
        held += row["bytes"]
    yield rows[first:]


def _replay(inflow: Inflow, way: Way, refusals: Refusals, rows: Sequence[Row]) -> IngestReplay:
    """Try rows, land what is accepted, and clear their records."""
    # One file each, so that what becomes of a row can be told from the counts by file.
    texts, commit_id = refusals.opened(rows), new_commit_id()
    files = [
        Input(Path(row["file"]), content=partial(bytes, text)) for row, text in zip(rows, texts, strict=True)
    ]
    tried = _Tried(way.kind, way.grounds(inflow), files, way.attempt(inflow, commit_id, rows, files, texts))
    report = StepReport(way.grounds(inflow)[0].rows, None)
    beside: tuple[StepReport, ...] = ()
    if tried.accepted:
        run = BatchRun(inflow, files, [row["file"] for row in rows], tried, commit_id)
        try:
            run.read(tried.accepted)
            report = totalled(list(run.reports().values()), commit_id, report.dataset)
            run.require_sound(report)
        except BaseException:
            run.abandon()
            raise
        if run.is_empty:
            run.abandon()
            report = replace(report, commit_id=None)
        else:
            run.commit(report)
            beside = run.companions()
    failpoint("ingest.replay.before-clear")
    cleared = [row for place, row in enumerate(rows) if place not in tried.refused]
    refusals.clear(cleared)
    again = tried.refused.total()
    told = replace(report, read=report.read + again, quarantined=again, output_rows=report.landed)
    told.require_reconciled()
    return IngestReplay(told, len(cleared), beside)


def _summed(replays: Sequence[IngestReplay]) -> IngestReplay:
    """One account of several: that of the last commit."""
    reports = [each.report for each in replays]
    commit_id = next((each.commit_id for each in reversed(reports) if each.commit_id), None)
    counts = {name: sum(getattr(each, name) for each in reports) for name in (*COUNTS, "output_rows")}
    report = StepReport(reports[0].dataset, commit_id, **counts)
    beside = tuple(told for each in replays for told in each.beside)
    return IngestReplay(report, sum(each.cleared for each in replays), beside)


@dataclass(frozen=True, slots=True)
class _Part:
    file: int
    packed_bytes: int = 0


class _Tried:
    """What rows of the quarantine became, as the reading of a batch; what is refused again stays where it is.

    `refused` counts units by their row; `accepted` are the rows of which something is accepted.
    """

    def __init__(
        self, kind: str, grounds: tuple[Ground, ...], files: Sequence[Input], worked: tuple[Worked, ...]
    ) -> None:
        self.kind = kind
        self.grounds = grounds
        self._files = files
        self._worked = worked
        units = worked[0]
        self.refused = Counter(each.file for each in units.refused)
        units.read = units.read - np.array([self.refused[place] for place in range(len(files))])
        units.refused = []
        self.accepted = np.flatnonzero(units.read).tolist()

    def portions(self, chosen: Sequence[int]) -> Iterator[_Part | Finished]:
        """All there is, at once."""
        yield _Part(chosen[-1])
        for place in chosen:
            yield Finished(place, self._files[place].digest(), self._files[place].bytes)

    def work(self, _: _Part) -> tuple[Worked, ...]:
        """What it became."""
        return self._worked
