"""Bronze to silver: stage, check, commit."""

import time
from dataclasses import replace

from a360.catalog import CommitStamp
from a360.contract import LOOKED_UP, SilverStep
from a360.failpoints import failpoint
from a360.quality import RuleResult, Scope
from a360.refine._audit import Audit
from a360.refine._batch_reading import BatchReading
from a360.refine._contained import ContainedUnits
from a360.refine._context import STEP_KEY, WHOLE_KEY, RefineContext, StepOutcome, alive_sql, ground_of
from a360.refine._distributed_reading import DistributedReading
from a360.refine._measuring import measured, split_key
from a360.refine._reading import Reading
from a360.refine._settle import JUDGED_ROWS, LANDING_ROWS, Settled, Settlement
from a360.refine._shape import SilverShape, silver_shape
from a360.refine._standing import FIRST, UNCHANGED, Standing, anew, current_snapshots, lost, standing
from a360.refine._superseded import clear_superseded, refused_sql
from a360.refine._units import select_units, wanted_sql, whole_sql
from a360.refine._waiting import find_waiting
from a360.table import StepReport, new_commit_id

_MEND = "mend the data or the rule, then run again; `a360 check` shows every rule"


def refine_silver(
    context: RefineContext, step: SilverStep, *, full: bool = False, again: bool = False
) -> StepOutcome:
    """Bring one silver dataset up to date with bronze; `again` looks at what it has refused once more.

    Raises:
        DataError: `rule-blocked` where a rule of the dataset as a whole does not hold; nothing is committed.
        InternalError: `counts-do-not-reconcile`; nothing is committed.
    """
    return _SilverRun(context, step, full=full, again=again).run()


class _SilverRun:
    def __init__(self, context: RefineContext, step: SilverStep, *, full: bool, again: bool) -> None:
        self._context = context
        self._step = step
        self._full = full
        self._again = again
        self._table = context.plan.table(step.dataset)
        self._quarantine = context.plan.table(f"quarantine.{self._table.name}")
        self._shape: SilverShape = silver_shape(step, self._table)
        self._ground = ground_of(step)
        self._commit_id = new_commit_id()
        self._started = time.perf_counter()

    def run(self) -> StepOutcome:
        stood = standing(self._context.tables, self._step.dataset)
        bronze = self._ground.envelope
        sources = [bronze, *self._step.looks_up, *self._step.refuses_by]
        upstream = current_snapshots(self._context.tables, sources)
        if bronze not in upstream or self._nothing_to_do(stood, upstream):
            return self._nothing(upstream)
        commits, why = self._commits(stood, upstream)
        wanted = wanted_sql(commits, self._ground, waiting=self._waiting(stood, upstream, commits))
        if self._again and commits is not None:
            wanted = f"{wanted} OR {refused_sql(self._quarantine.dataset, self._step.dataset)}"
        if self._shape.many:
            # No tombstones tell which versions came before, so that an old one would pass for the newest.
            wanted = whole_sql(wanted)
        if self._step.records and self._step.records.dedup_window is not None:
            # An event that comes late may be the first of its key, and another one then no longer is.
            wanted = whole_sql(wanted, self._ground)
        units = select_units(self._context, self._step, wanted)
        # No server finds a contained resource by its identifier, nor merges it: references do not search it.
        inside = "FALSE" if self._step.dataset in LOOKED_UP else wanted
        contained = ContainedUnits(self._context, self._step, inside)
        emptied = commits is None and stood.snapshot_id is not None
        if not units + contained.containers and not emptied:
            return self._nothing(upstream)
        way = "full" if commits is None else "incremental"
        return self._refine(stood, upstream, (way, why), units, contained)

    def _nothing_to_do(self, stood: Standing, upstream: dict[str, str]) -> bool:
        return not (self._full or self._again) and stood.is_current(upstream, self._step.fingerprint)

    def _nothing(self, upstream: dict[str, str]) -> StepOutcome:
        seconds = time.perf_counter() - self._started
        return StepOutcome(
            StepReport(self._step.dataset, None, seconds=seconds), "nothing", UNCHANGED, upstream=upstream
        )

    def _commits(self, stood: Standing, upstream: dict[str, str]) -> tuple[list[str] | None, str]:
        """The bronze commits to look at, those since the last standing or None for all of them; and why."""
        why = anew(stood, self._step.fingerprint, full=self._full)
        bronze = self._ground.envelope
        if why or bronze not in stood.upstream:
            return None, why or FIRST
        if any(stood.upstream.get(name) != upstream.get(name) for name in self._step.refuses_by):
            return None, "the vocabularies that it looks codes up in changed"
        tables = self._context.tables
        for dataset in self._step.looks_up:
            known = stood.upstream.get(dataset)
            if known is not None and tables.commits_since(dataset, known) is None:
                return None, lost(dataset)
        commits = tables.commits_since(bronze, stood.upstream[bronze], recorded=True)
        if commits is None:
            return None, lost(bronze)
        return commits, f"{len(commits)} commit(s) to bronze since"

    def _waiting(self, stood: Standing, upstream: dict[str, str], commits: list[str] | None) -> bool:
        if commits is None or not self._step.looks_up:
            return False
        return find_waiting(self._context, self._shape, stood, upstream, commits)

    def _refine(
        self,
        stood: Standing,
        upstream: dict[str, str],
        way: tuple[str, str],
        units: int,
        contained: ContainedUnits,
    ) -> StepOutcome:
        read_in = DistributedReading if self._context.session.distributed else BatchReading
        reading = read_in(self._context, self._step, self._shape, self._quarantine, self._commit_id)
        reading.read(contained)
        if contained.containers:
            contained.end()
        exists, whole = stood.snapshot_id is not None, way[0] == "full"
        settlement = Settlement(self._context, self._shape, self._commit_id, exists=exists, whole=whole)
        read = units + contained.count
        report = self._report(read, settlement.settle())
        report.require_reconciled()
        settlement.name_rows()
        before = [*reading.results(), *self._measure_key(settlement)]
        audit = Audit(self._step.dataset, self._measure, before, rows_too=False, next_step=_MEND)
        if not self._context.session.branches:
            audit(JUDGED_ROWS)
        if not report.output_rows:
            reading.abandon()
        if not self._commit(settlement, reading, report, stood, upstream, audit):
            report = replace(report, commit_id=None)
        cleared = 0
        if exists:
            cleared = clear_superseded(
                self._context, self._quarantine.dataset, self._step.dataset, reading.rules
            )
        return StepOutcome(report, *way, audit.quality, upstream, {self._ground.envelope: read}, cleared)

    def _measure_key(self, settlement: Settlement) -> list[RuleResult]:
        """Measure the rules that rows to write alone can break."""
        key, _ = split_key(self._step.dataset_rules, self._table.key)
        landing = LANDING_ROWS if settlement.incremental else JUDGED_ROWS
        scope: Scope = "batch" if settlement.incremental else "dataset"
        alive = alive_sql(self._table)
        return measured(self._context, self._step.dataset, key, landing, alive=alive, scope=scope)

    def _measure(self, rows: str) -> list[RuleResult]:
        """Measure the others on the dataset as it will be; references and ages wait until all have landed."""
        _, whole = split_key(self._step.dataset_rules, self._table.key)
        return measured(self._context, self._step.dataset, whole, rows, alive=alive_sql(self._table))

    def _report(self, read: int, settled: Settled) -> StepReport:
        return StepReport(
            self._step.dataset,
            self._commit_id,
            read=read,
            landed=settled.landed,
            quarantined=settled.quarantined,
            duplicates=settled.duplicates,
            unchanged=settled.unchanged,
            superseded=settled.superseded,
            filtered=settled.filtered,
            output_rows=settled.output_rows,
            seconds=time.perf_counter() - self._started,
        )

    def _commit(
        self,
        settlement: Settlement,
        reading: Reading,
        report: StepReport,
        stood: Standing,
        upstream: dict[str, str],
        audit: Audit,
    ) -> bool:
        """Rejects first, under the same commit id; then the main commit, which names the batch.

        Nothing is committed where nothing landed and the dataset stood where it stands: False is returned.
        What was not audited yet is audited as it was written, on a branch.
        """
        tables, session = self._context.tables, self._context.session
        counts = {name: value for name, value in report.to_json().items() if isinstance(value, int)}
        told = {STEP_KEY: self._step.fingerprint}
        if stood.snapshot_id is not None and not settlement.incremental:
            told[WHOLE_KEY] = "true"
        stamp = CommitStamp(self._commit_id, upstream, counts, told)
        refused = reading.commit_rejects(stamp)
        failpoint("refine.silver.between-commits")
        by_unit = self._shape.many or self._table.history or settlement.replaces_units
        merged = tables.merge(
            self._step.dataset,
            settlement.rows_sql,
            # Versions of a resource share the key; that one of them is current is a rule of the dataset.
            [] if self._table.history else list(self._table.key),
            stamp,
            scope=settlement.scope if by_unit else None,
            scope_rows=settlement.scope_sql if by_unit else None,
            session=session,
            audit=audit.unless_done,
        )
        if not audit.done:
            audit(JUDGED_ROWS)
        if merged.snapshot_id is None:
            if not refused and stood.is_current(upstream, self._step.fingerprint):
                return False
            # Nothing landed, but that it was looked at must be known, or it would be read again for ever.
            tables.append(self._step.dataset, f"{settlement.rows_sql} LIMIT 0", stamp, session=session)
        return True
