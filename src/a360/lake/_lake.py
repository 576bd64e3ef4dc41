"""The lake: what a program can ask of it, and what it hands to the rooms that do it.

What only some commands do is imported where they do it: `a360 tables` waits for no linter and no refinery.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from a360 import operate
from a360.catalog import CatalogSession
from a360.contract import LakePlan, TableChange, quote_table
from a360.errors import DeniedError, UsageError
from a360.lake._asker import Asker, account
from a360.lake._key_stores import KeyStores
from a360.lake._kinds import KINDS, bring_in, inflow_of, ingest_again
from a360.lake._parts import Parts
from a360.lake._reports import IngestReport, RunReport, left_out
from a360.settings import Settings
from a360.table import (
    Difference,
    HistoryEntry,
    LyingFile,
    StepReport,
    TableInfo,
    Tables,
    Tag,
    diff,
    history,
    moment,
    remove_tag,
    set_tag,
)

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from a360._progress import Progress
    from a360.lake._athena import LakeAthena
    from a360.lake._erasures import Erasures
    from a360.lake._evidence import LakeEvidence
    from a360.lake._releases import LakeReleases
    from a360.lake._reveals import LakeReveals
    from a360.lake._rights import PatientRights
    from a360.lake._served import Serving
    from a360.lake._verify import Verification
    from a360.lineage import Impact, LineageView
    from a360.quality import ScorePoint
    from a360.trust.audit import LocalAuditLog
    from a360.trust.deid import Method
    from a360.trust.emergency import Declared as DeclaredEmergency
    from a360.trust.emergency import Finding
    from a360.trust.gateway import QueryResult
    from a360.trust.identity import TokenIssuer
    from a360.trust.policy import Emergency
    from a360.trust.vault import Vault

ENGINES: tuple[str, ...] = ("duckdb", "spark", "athena")


class Lake:
    """An open lake; a context manager. Catalog, keys and engine are opened when they are first needed."""

    def __init__(self, folder: "operate.LakeFolder", settings: Settings, asker: Asker | None = None) -> None:
        self._for_all = Parts(folder, settings, asker or Asker())

    @property
    def _parts(self) -> Parts:
        """What the verbs work with that know no policy; DeniedError for whom the policy binds."""
        parts = self._for_all
        if not parts.asker.may_handle(parts.folder.path):
            raise DeniedError(
                "denied",
                f"{parts.principal.name} may query this lake, and do nothing else with it",
                next_step="use `query` and `table`, or open the lake as the account that holds its folder",
            )
        return parts

    @property
    def path(self) -> Path:
        """Where the lake lies."""
        return self._for_all.folder.path

    @property
    def origin(self) -> "operate.Origin | None":
        """Whether it holds generated data or a user's own; None while it holds neither."""
        return self._parts.folder.origin

    def claim(self, origin: "operate.Origin") -> None:
        """Say what kind of data is about to come in; UsageError `input-mixed` if the lake holds the other."""
        self._parts.folder.claim(origin)

    @property
    def lake_plan(self) -> LakePlan:
        """The plan made of the contracts; ContractError if they have faults."""
        return self._for_all.plan

    @property
    def catalog(self) -> CatalogSession:
        """The way to the tables, through the commit gateway."""
        return self._parts.catalog

    @property
    def tables(self) -> Tables:
        """What can be done to the lake's tables."""
        return self._parts.tables

    @property
    def api_tokens(self) -> "TokenIssuer":
        """Makes and revokes the API tokens by which programs are known to `a360 serve`."""
        return self._parts.token_issuer

    def served(self) -> "Serving":
        """What a server answers from; DeniedError for who does not hold the lake's folder."""
        return self._parts.served()

    @property
    def audit(self) -> "LocalAuditLog":
        """The record of what was done with the lake; it is begun where there is none.

        Raises:
            OperatorError: `audit-broken` or `audit-unwritable`.
        """
        return self._parts.audit

    def plan(self) -> Sequence[TableChange]:
        """What `apply` would do to each table."""
        return self._parts.schema.changes()

    def changes_of(self, loaded: Mapping[str, "Table"]) -> Sequence[TableChange]:
        """The same of tables that have been loaded, for who looks at every table anyway."""
        return self._parts.schema.changes(loaded)

    def apply(self) -> Sequence[TableChange]:
        """Create and evolve tables as the contracts say; `plan-refused` if data would be lost."""
        return self._parts.jobs.apply()

    def ingest(
        self,
        path: str | Path | Sequence[str | Path],
        kind: str = "fhir",
        source: str | None = None,
        progress: "Progress | None" = None,
        *,
        record: str | None = None,
    ) -> IngestReport:
        """Bring files or folders into bronze; `record` names the type of records, in their names' place.

        Raises:
            UsageError: `usage` for a kind that does not exist; `record-unknown` for a file that no contract
                knows.
            OperatorError: `input-missing` for a path that does not.
        """
        from a360.ingest import ground_of  # noqa: PLC0415 -- most commands do not ingest

        _require_one_of("kind", kind, KINDS)
        paths = [Path(path)] if isinstance(path, str | Path) else [Path(each) for each in path]
        parts = self._parts
        with parts.jobs.recorded("ingest") as account:
            account.runs.begin(ground_of(kind).rows)
            known = inflow_of(parts)
            inflow = replace(known, source=source or "default", progress=progress, record=record)
            batch = bring_in(kind, parts, inflow, paths)
            account.add(batch.report, files=operate.sources_of(batch.files))
            for report in batch.reports[1:]:
                account.add(report)
        remarks = (*batch.remarks, *left_out(kind, len(batch.files), batch.skipped))
        return IngestReport(batch.reports, batch.files, remarks)

    def run(
        self,
        *datasets: str,
        engine: str = "duckdb",
        full: bool = False,
        progress: "Progress | None" = None,
    ) -> RunReport:
        """Bring datasets, and what they are made from, up to date; none named means all.

        Raises:
            UsageError: `unknown-dataset`, or `usage` for an engine that does not exist.
            DataError: `rule-blocked` where a blocking rule does not hold; the step committed nothing.
        """
        from a360.lake._athena import steps_for_athena  # noqa: PLC0415 -- likewise
        from a360.lake._terminology import load_declared  # noqa: PLC0415 -- likewise
        from a360.refine import refine, selected_steps  # noqa: PLC0415 -- few commands refine

        _require_one_of("engine", engine, ENGINES)
        steps = selected_steps(self.lake_plan, datasets)
        if engine == "athena":
            steps = steps_for_athena(steps, datasets, full=full)
        with self._parts.jobs.recorded("run", engine) as record, self._parts.refining(engine) as context:
            load_declared(self.lake_plan, self.tables, self._parts.contracts, record)
            result = refine(
                context,
                steps,
                full=full,
                progress=record.watched(progress),
                on_outcome=lambda outcome: record.add(outcome.report, outcome.upstream, outcome.quality),
            )
            record.quality.extend(result.references)
        return RunReport.of(result)

    @property
    def terminology(self) -> "operate.Terminology":
        """The vocabularies that are loaded."""
        return operate.Terminology(self.lake_plan, self.tables)

    def omop_coverage(self) -> "operate.OmopCoverage | None":
        """How many coded records map to a standard concept; None without the OMOP pack."""
        return operate.omop_coverage(self.lake_plan, self.tables)

    def load_vocabulary(
        self,
        kind: str,
        path: str | Path | None = None,
        *,
        version: str | None = None,
        current: bool = True,
    ) -> Sequence["operate.LoadedVocabulary"]:
        """Load a vocabulary of a kind into the governed tables; a version that is there is left as it is.

        Raises:
            UsageError: `usage` for a kind that does not exist, or that needs files.
            DataError: `vocabulary-unreadable`, `vocabulary-changed`, `rule-blocked`.
        """
        from a360.lake._terminology import read_vocabulary  # noqa: PLC0415 -- few commands load
        from a360.terminology import AthenaDownload  # noqa: PLC0415 -- likewise

        file, known = Path(path) if path is not None else None, self.terminology
        with self._parts.jobs.recorded("terminology load") as record:
            found = read_vocabulary(kind, file, version, contracts=self._parts.contracts, known=known)
            if isinstance(found, AthenaDownload):
                return [known.load_athena(found, record)]
            return known.load(found, record, current=current)

    def use_vocabulary(self, name: str, version: str) -> "operate.LoadedVocabulary":
        """Make a loaded version of a vocabulary the current one; UsageError `unknown-vocabulary`."""
        with self._parts.jobs.recorded("terminology use") as record:
            return self.terminology.use(name, version, record)

    def check(
        self, *datasets: str, stored: bool = False, now: datetime | None = None
    ) -> "operate.CheckReport":
        """Measure the quality of datasets as they stand, or `stored`: judge by what was counted before.

        Raises:
            UsageError: `unknown-dataset`.
        """
        quality = self._quality(now)
        report = quality.judge(datasets) if stored else quality.check(datasets)
        self._parts.metrics.check(report, whole=not datasets)
        return report

    def quality_trends(self) -> "Mapping[str, Sequence[ScorePoint]]":
        """How the scores of each dataset went, oldest first."""
        return self._quality().trends()

    def _quality(self, now: datetime | None = None) -> "operate.LakeQuality":
        return operate.LakeQuality(self.lake_plan, self.tables, now, self.attachments)

    @property
    def attachments(self) -> "operate.Attachments":
        """The files that lie beside the tables."""
        return operate.Attachments(self.tables, self._parts.objects, self._parts.tokenizer, self._opened)

    @property
    def quarantine(self) -> "operate.Quarantine":
        """What the lake refused."""
        return operate.Quarantine(self.lake_plan, self.tables, self._parts.sealer, self._opened)

    def note_text(self, note_id: str, source: str = "default") -> str:
        """The text of a note, opened with the lake's keys; the audit log says by whom.

        Raises:
            UsageError: there is no text of such a note.
        """
        return operate.note_text(self.tables, self._parts.sealer, source, note_id, self._opened)

    def deidentify_notes(
        self, method: "Method" = "surrogate", progress: "Progress | None" = None
    ) -> Sequence[StepReport]:
        """Bring the notes without identifiers up to date; the audit log says by whom texts were opened.

        Raises:
            OperatorError: `extra-missing`.
            UsageError: `unknown-dataset` where the contracts have no place for them.
        """
        from a360.lake._deid import deidentify_notes  # noqa: PLC0415 -- an extra

        return deidentify_notes(self._parts, method, progress)

    def _opened(self, dataset: str, column: str, *, patient_key: str | None = None) -> None:
        """Put on record that the account opens what lies sealed; where that fails, it stays sealed."""
        from a360.protect import AuditEvent  # noqa: PLC0415 -- few commands open

        event = AuditEvent(
            datetime.now(UTC),
            account(os.geteuid()),
            "open",
            [dataset],
            "allowed",
            columns=[f"{dataset}.{column}"],
            subjects=[self.audit.subject(patient_key)] if patient_key else (),
            rows=1,
        )
        self.audit.record(event)

    def replay(self, *datasets: str, progress: "Progress | None" = None) -> "operate.ReplayReport":
        """Try what was refused once more, after rules or data that others read have been mended.

        Raises:
            UsageError: `unknown-dataset`.
        """
        engine = ENGINES[0]
        with self._parts.jobs.recorded("replay", engine) as record, self._parts.refining(engine) as context:
            again = partial(ingest_again, self._parts)
            return operate.replay(context, record, datasets, again, progress)

    def query(self, sql: str, *, at: str | None = None) -> pa.Table:
        """Run one SELECT over the lake's tables, named as `zone.dataset`, through the gateway.

        With `at`, a snapshot id, a time or a tag, every table is read as it was then.

        Raises:
            UsageError: the SQL does not parse, names what is not there, or what was not there `at` the time.
            DeniedError: it does more than read the lake's tables, or the policy or the budget ends it.
        """
        return self._ask(sql, at=at, whole=True).table()

    def stream(self, sql: str, *, at: str | None = None) -> "QueryResult":
        """The same as a stream of Arrow, read once; the lake does nothing else meanwhile."""
        return self._ask(sql, at=at, whole=False)

    def _ask(self, sql: str, *, at: str | None, whole: bool) -> "QueryResult":
        parts = self._for_all
        return parts.gateway.query(
            parts.principal,
            sql,
            purpose=parts.asker.purpose,
            at=at,
            emergency=parts.emergency,
            whole=whole,
        )

    @property
    def athena(self) -> "LakeAthena":
        """Asks Athena, where the lake's tables are in Glue."""
        from a360.lake._athena import LakeAthena  # noqa: PLC0415 -- few commands ask

        return LakeAthena(self._for_all)

    def fill_masks(self) -> Mapping[str, int]:
        """Write anew what masked views of Athena look up: rows by table.

        Raises:
            OperatorError: `not-on-aws` where tables are not in Glue.
        """
        from a360.lake._athena import LakeAthena  # noqa: PLC0415 -- as above

        return LakeAthena(self._parts).fill_masks()

    def declare_emergency(self, rule: str, reason: str, *, minutes: int | None = None) -> "Emergency":
        """Break the glass by a rule of `breakGlass`, on record; `a360.open(…, emergency=rule)` asks under it.

        Raises:
            DeniedError: no such rule lets who asks.
            UsageError: the reason says nothing.
        """
        parts = self._for_all
        purpose = parts.asker.purpose
        return parts.emergencies.declare(parts.principal, rule, reason, purpose=purpose, minutes=minutes)

    def emergencies(self) -> "Sequence[DeclaredEmergency]":
        """Every emergency that was declared, with its reason, for who may read the audit log.

        Raises:
            DeniedError: who asks may not.
        """
        return self._for_all.emergencies.declared(self._for_all.principal)

    def review_emergency(self, number: str, finding: "Finding", remark: str) -> "DeclaredEmergency":
        """Close an emergency that somebody else declared.

        Raises:
            DeniedError: who asks may not read the audit log, or declared it.
            UsageError: there is no such emergency, or it was reviewed.
        """
        return self._for_all.emergencies.review(self._for_all.principal, number, finding, remark)

    @property
    def releases(self) -> "LakeReleases":
        """What lets gold datasets out, as far as the policy lets who asks."""
        from a360.lake._releases import LakeReleases  # noqa: PLC0415 -- few commands let anything out

        return LakeReleases(self._for_all)

    @property
    def rights(self) -> "PatientRights":
        """What answers patients, as far as the policy lets who asks."""
        from a360.lake._rights import PatientRights  # noqa: PLC0415 -- likewise

        return PatientRights(self._for_all)

    @property
    def erasures(self) -> "Erasures":
        """Takes patients out of the lake for good, and keeps legal holds."""
        from a360.lake._erasures import Erasures  # noqa: PLC0415 -- few commands erase

        return Erasures(self._parts)

    @property
    def evidence(self) -> "LakeEvidence":
        """Proves which safeguards hold, and signs what came out."""
        from a360.lake._evidence import LakeEvidence  # noqa: PLC0415 -- few commands prove

        return LakeEvidence(self._parts)

    @property
    def vault(self) -> "Vault":
        """Who people are, for programs that work on the lake itself; people ask `reveals`."""
        return self._parts.vault

    @property
    def reveals(self) -> "LakeReveals":
        """Tells who patients are to who may know."""
        from a360.lake._reveals import LakeReveals  # noqa: PLC0415 -- few commands ask

        return LakeReveals(self._for_all)

    def table(self, name: str) -> pa.Table:
        """The rows of a table, as Arrow, as far as the policy shows them."""
        return self.query(f"SELECT * FROM {quote_table(self._for_all.plan.table(name).dataset)}")

    def tables_info(self) -> list[TableInfo]:
        """Every table as it stands."""
        return [self.tables.info(name) for name in self.tables.list()]

    def history(self, *names: str) -> Sequence[HistoryEntry]:
        """The snapshots of tables, or of all tables, newest first, with the runs that made them."""
        wanted = [self._known(name) for name in names] or self.tables.list()
        return history(self.tables, wanted)

    def diff(self, name: str, before: str, after: str | None = None, *, limit: int = 20) -> Difference:
        """What differs between two moments of a table, by key; without the second, until now."""
        return diff(self.tables, self.lake_plan.table(name), before, after, limit=limit)

    def rollback(self, name: str, to: str, *, accept: bool = False) -> "operate.RollbackReport":
        """Make an older state of a dataset current again, as one commit that later runs know of.

        Raises:
            UsageError: `rollback-unconfirmed` unless what it undoes and what depends on it is accepted.
        """
        dataset, then = self._known(name), moment(to)
        with self._parts.jobs.recorded("rollback") as record:
            report = operate.rollback(self.lake_plan, self.tables, dataset, then, accept=accept)
            record.add(StepReport(dataset, report.commit_id))
        return report

    def tag(self, tag: str, *names: str) -> Sequence[Tag]:
        """Tag tables, or all tables, in one state; no job works in the lake meanwhile."""
        with self._parts.folder.working():
            return set_tag(self.tables, tag, [self._known(name) for name in names])

    def tags(self, *names: str) -> Sequence[Tag]:
        """The tags of tables, or of all tables."""
        return self.tables.tags([self._known(name) for name in names] or self.tables.list())

    def untag(self, tag: str, *names: str) -> Sequence[Tag]:
        """Take a tag off tables, or off all; what it kept may expire then."""
        return remove_tag(self.tables, tag, [self._known(name) for name in names])

    def collect(self, *names: str, delete: bool = False) -> Mapping[str, Sequence[LyingFile]]:
        """The files that nothing reaches and that are older than a day, by table; deleted if asked."""
        wanted = [self._known(name) for name in names] or self.tables.list()
        with self._parts.folder.working():
            found = {name: self.tables.collect(name, dry_run=not delete) for name in wanted}
            return found if names else {**found, operate.OBJECTS: self.attachments.collect(delete=delete)}

    def verify(
        self, *names: str, sample: int | None = None, progress: "Progress | None" = None
    ) -> "Verification":
        """Read committed files of tables again, all or a sample; of all tables, keys and audit log too."""
        from a360.lake._verify import verify  # noqa: PLC0415 -- few commands read all there is

        parts = self._parts
        found = verify(parts, [self._known(name) for name in names], sample=sample, progress=progress)
        parts.metrics.verification(found)
        return found

    def _known(self, name: str) -> str:
        return self.lake_plan.table(name).dataset

    def lineage(self, name: str) -> "LineageView":
        """What a dataset, a column or a FHIR element is made from, and what is made from it."""
        from a360.lineage import lineage_of  # noqa: PLC0415 -- few commands ask

        return lineage_of(self.lake_plan, name)

    def impact(self) -> Sequence["Impact"]:
        """What the changes that `plan` shows would affect downstream."""
        return operate.pending_impact(self.lake_plan, self.tables, self.plan())

    def doctor(self) -> "list[operate.DoctorCheck]":
        """Look at the machine and the lake, and say how to mend what is not well."""
        settings = self._parts.settings
        return operate.examine(settings, lambda: nullcontext(self), KeyStores(settings).open)

    def close(self) -> None:
        """Close the engine session, the catalog and the audit log."""
        self._for_all.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _require_one_of(what: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise UsageError(
            "usage", f"There is no {what} {given}", found=given, next_step=f"use one of: {', '.join(known)}"
        )
