"""The lake: the composition root, where ports meet what implements them.

What only some commands do is imported where they do it: `a360 tables` waits for no linter and no refinery.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import pyarrow as pa

from a360.catalog import CatalogSession
from a360.contract import LakePlan, default_contracts, load_contracts, make_plan
from a360.engine.duckdb import DuckDBEngine
from a360.errors import A360Error, UsageError
from a360.lake._catalog_metrics import record_metrics
from a360.lake._doctor import DoctorCheck, examine
from a360.lake._folder import LakeFolder, Origin
from a360.lake._reports import (
    CheckReport,
    IngestReport,
    RunReport,
)
from a360.lake._rollback import RollbackReport, plan_rollback, require_accepted, roll_back, sweep_undone
from a360.lake._schema import LakeSchema
from a360.lake._sql_gate import LakeQuery, require_select
from a360.protect import LocalKeyStore, LocalSealer, LocalTokenizer, Sealer, Tokenizer
from a360.quality import RuleBlockedError, ScorePoint
from a360.settings import Settings, load_settings
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
    pins,
    remove_tag,
    set_tag,
)

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from a360.contract import TableChange
    from a360.lake._journal import RunRecord
    from a360.lake._quality import LakeQuality
    from a360.lake._quarantine import Quarantine, ReplayReport
    from a360.lineage import Impact, LineageView

type Progress = Callable[[str, str, int, int | None], None]
type Kind = Literal["fhir"]

KINDS: tuple[str, ...] = ("fhir",)
ENGINES: tuple[str, ...] = ("duckdb",)


class Lake:
    """An open lake; a context manager. Catalog, keys and engine are opened when they are first needed."""

    def __init__(self, folder: LakeFolder, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._catalog: CatalogSession | None = None
        self._tables: Tables | None = None

    @property
    def path(self) -> Path:
        """Where the lake lies."""
        return self._folder.path

    @property
    def origin(self) -> Origin | None:
        """Whether it holds generated data or a user's own; None while it holds neither."""
        return self._folder.origin

    def claim(self, origin: Origin) -> None:
        """Say what kind of data is about to come in; UsageError `input-mixed` if the lake holds the other."""
        self._folder.claim(origin)

    @cached_property
    def lake_plan(self) -> LakePlan:
        """The plan made of the contracts; ContractError if they have faults."""
        folder = self._settings.contracts or default_contracts()
        return make_plan(load_contracts(folder), self._settings.env)

    @cached_property
    def _fingerprint(self) -> str:
        return self.lake_plan.fingerprint

    @property
    def catalog(self) -> CatalogSession:
        """The way to the tables, through the commit gateway."""
        if self._catalog is None:
            self._catalog = CatalogSession.open(self._folder.path)
        return self._catalog

    @cached_property
    def _engine(self) -> DuckDBEngine:
        return DuckDBEngine(
            spill=self._folder.tmp,
            memory_limit=self._settings.memory_limit,
            threads=self._settings.threads,
        )

    @property
    def tables(self) -> Tables:
        """What can be done to the lake's tables."""
        if self._tables is None:
            self._tables = Tables(self.catalog, self._engine)
        return self._tables

    @cached_property
    def _keys(self) -> LocalKeyStore:
        return LocalKeyStore.open(self._folder.keys)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return LocalTokenizer(self._keys)

    @cached_property
    def _sealer(self) -> Sealer:
        return LocalSealer(self._keys)

    @property
    def _schema(self) -> LakeSchema:
        return LakeSchema(self.lake_plan, self.tables)

    def plan(self) -> Sequence["TableChange"]:
        """What `apply` would do to each table."""
        return self._schema.changes()

    def changes_of(self, loaded: Mapping[str, "Table"]) -> Sequence["TableChange"]:
        """The same of tables that have been loaded, for who looks at every table anyway."""
        return self._schema.changes(loaded)

    def apply(self) -> Sequence["TableChange"]:
        """Create and evolve tables as the contracts say; `plan-refused` if data would be lost."""
        with self._folder.working():
            return self._apply()

    def _apply(self) -> Sequence["TableChange"]:
        from a360.lake._lineage import tell_definitions  # noqa: PLC0415 -- most commands find all applied
        from a360.lake._lint import require_sound  # noqa: PLC0415 -- likewise

        require_sound(self._settings.contracts or default_contracts())
        changes = self._schema.apply()
        if self._folder.applied != self._fingerprint:
            tell_definitions(self.lake_plan, self.tables)
        self._folder.note_applied(self._fingerprint)
        return changes

    def ingest(
        self,
        path: str | Path | Sequence[str | Path],
        kind: str = "fhir",
        source: str | None = None,
        progress: Progress | None = None,
    ) -> IngestReport:
        """Bring files or folders into bronze.

        Raises:
            UsageError: `usage` for a kind that does not exist.
            OperatorError: `input-missing` for a path that does not.
        """
        from a360.ingest import ingest_fhir  # noqa: PLC0415 -- most commands do not ingest
        from a360.lake._lineage import sources_of  # noqa: PLC0415 -- likewise

        _require_one_of("kind", kind, KINDS)
        paths = [Path(path)] if isinstance(path, str | Path) else [Path(each) for each in path]
        with self._recorded("ingest") as record:
            record.runs.begin("bronze.fhir_resource")
            batch = ingest_fhir(
                paths,
                source=source or "default",
                tables=self.tables,
                tokenizer=self._tokenizer,
                sealer=self._sealer,
                threads=self._settings.threads,
                progress=progress,
            )
            record.add(batch.report, files=sources_of(batch.files))
        return IngestReport([batch.report], batch.files)

    def run(
        self,
        *datasets: str,
        engine: str = "duckdb",
        full: bool = False,
        progress: Progress | None = None,
    ) -> RunReport:
        """Bring datasets, and what they are made from, up to date; none named means all.

        Raises:
            UsageError: `unknown-dataset`, or `usage` for an engine that does not exist.
            DataError: `rule-blocked` where a blocking rule does not hold; the step committed nothing.
        """
        from a360.refine import RefineContext, refine, selected_steps  # noqa: PLC0415 -- few commands refine

        _require_one_of("engine", engine, ENGINES)
        steps = selected_steps(self.lake_plan, datasets)
        with self._recorded("run", engine) as record:
            context = RefineContext(
                self.lake_plan, self.tables, self.tables.session, self._tokenizer, self._sealer
            )
            result = refine(
                context,
                steps,
                full=full,
                progress=record.watched(progress),
                on_outcome=lambda outcome: record.add(outcome.report, outcome.upstream, outcome.quality),
            )
            record.quality.extend(result.references)
        quality = [measured for outcome in result.outcomes for measured in outcome.quality]
        return RunReport(
            steps=[outcome.report for outcome in result.outcomes],
            quality=[*quality, *result.references],
            ways={outcome.report.dataset: outcome.way for outcome in result.outcomes},
            reasons={outcome.report.dataset: outcome.why for outcome in result.outcomes},
            upstream_rows={outcome.report.dataset: outcome.upstream_rows for outcome in result.outcomes},
        )

    @contextmanager
    def _recorded(self, command: str, engine: str | None = None) -> Iterator["RunRecord"]:
        """Do recorded work, and tell the lineage collector of it where there is one, once others may work."""
        try:
            with self._recorded_alone(command, engine) as record:
                yield record
        finally:
            if self._settings.openlineage_url is not None:
                self._export_lineage(self._settings.openlineage_url)

    def _export_lineage(self, url: str) -> None:
        from a360.lake._lineage_export import LineageExport  # noqa: PLC0415 -- few lakes have a collector

        key = self._settings.openlineage_api_key
        state = self.path / "lineage-sent"
        LineageExport(url, state, key.get_secret_value() if key else None).send(self.tables)

    @contextmanager
    def _recorded_alone(self, command: str, engine: str | None) -> Iterator["RunRecord"]:
        """Work alone in the lake, on tables as the contracts have them, and leave an account in `ops`."""
        from a360.lake._journal import RunRecord  # noqa: PLC0415 -- what only reads leaves no account

        with self._folder.working() as after_crash:
            # Looking at every table takes longer than most runs: it is done where the contracts have changed.
            if after_crash or self._folder.applied != self._fingerprint:
                self._apply()
            if after_crash:
                self._recover()
            record = RunRecord(command, self._fingerprint, engine, lake_plan=self.lake_plan)
            try:
                yield record
            except A360Error as error:
                if isinstance(error, RuleBlockedError):
                    record.quality.extend(error.results)
                record.write(self.tables, error)
                self.tables.record()
                raise
            record.write(self.tables)
            self.tables.record()
            record_metrics(self._folder.path, self.tables)

    def _recover(self) -> None:
        """Mend what a process that died left: commits without record, batches without main commit."""
        self.tables.rebuild_record()
        # The lake is held alone, so that every batch begun before now is over.
        sweep_undone(self.lake_plan, self.tables)

    def check(self, *datasets: str, stored: bool = False, now: datetime | None = None) -> CheckReport:
        """Measure the quality of datasets as they stand, or `stored`: judge by what was counted before.

        Raises:
            UsageError: `unknown-dataset`.
        """
        quality = self._quality(now)
        return quality.judge(datasets) if stored else quality.check(datasets)

    def quality_trends(self) -> Mapping[str, Sequence[ScorePoint]]:
        """How the scores of each dataset went, oldest first."""
        return self._quality().trends()

    def _quality(self, now: datetime | None = None) -> "LakeQuality":
        from a360.lake._quality import LakeQuality  # noqa: PLC0415 -- few commands measure

        return LakeQuality(self.lake_plan, self.tables, now)

    @property
    def quarantine(self) -> "Quarantine":
        """What the lake refused."""
        from a360.lake._quarantine import Quarantine  # noqa: PLC0415 -- few commands ask

        return Quarantine(self.lake_plan, self.tables, self._sealer)

    def replay(self, *datasets: str, progress: Progress | None = None) -> "ReplayReport":
        """Try what was refused once more, after rules or data that others read have been mended.

        Raises:
            UsageError: `unknown-dataset`.
        """
        from a360.lake._quarantine import replay  # noqa: PLC0415 -- few commands replay
        from a360.refine import RefineContext  # noqa: PLC0415 -- likewise

        with self._recorded("replay", ENGINES[0]) as record:
            context = RefineContext(
                self.lake_plan, self.tables, self.tables.session, self._tokenizer, self._sealer
            )
            return replay(context, record, datasets, progress)

    def query(self, sql: str, *, at: str | None = None) -> pa.Table:
        """Run one SELECT over the lake's tables, named as `zone.dataset`.

        With `at`, a snapshot id, a time or a tag, every table is read as it was then.

        Raises:
            UsageError: the SQL does not parse, names what is not there, or what was not there `at` the time.
            DeniedError: it does more than read the lake's tables.
        """
        if at is None:
            return self.tables.session.sql(require_select(sql))
        query, then = LakeQuery(sql), moment(at)
        return self.tables.session.sql(query.at(pins(self.tables, then, query.tables)))

    def table(self, name: str) -> pa.Table:
        """The rows of a table, as Arrow."""
        return self.tables.read(self._known(name))

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

    def rollback(self, name: str, to: str, *, accept: bool = False) -> RollbackReport:
        """Make an older state of a dataset current again, as one commit that later runs know of.

        Raises:
            UsageError: `rollback-unconfirmed` unless what it undoes and what depends on it is accepted.
        """
        dataset, then = self._known(name), moment(to)
        with self._recorded("rollback") as record:
            planned = plan_rollback(self.lake_plan, self.tables, dataset, then)
            require_accepted(planned, accept=accept)
            report = roll_back(self.lake_plan, self.tables, planned)
            record.add(StepReport(dataset, report.commit_id))
        return report

    def tag(self, tag: str, *names: str) -> Sequence[Tag]:
        """Tag tables, or all tables, in one state; no job works in the lake meanwhile."""
        with self._folder.working():
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
        with self._folder.working():
            return {name: self.tables.collect(name, dry_run=not delete) for name in wanted}

    def _known(self, name: str) -> str:
        return self.lake_plan.table(name).dataset

    def lineage(self, name: str) -> "LineageView":
        """What a dataset, a column or a FHIR element is made from, and what is made from it."""
        from a360.lineage import lineage_of  # noqa: PLC0415 -- few commands ask

        return lineage_of(self.lake_plan, name)

    def impact(self) -> "Sequence[Impact]":
        """What the changes that `plan` shows would affect downstream."""
        from a360.lake._lineage import pending_impact  # noqa: PLC0415 -- as above

        return pending_impact(self.lake_plan, self.tables, self.plan())

    def doctor(self) -> list[DoctorCheck]:
        """Look at the machine and the lake, and say how to mend what is not well."""
        return examine(self._settings, self)

    def close(self) -> None:
        """Close the engine session and the catalog."""
        if self._tables is not None:
            self._tables.close()
            self._tables = None
        if self._catalog is not None:
            self._catalog.close()
            self._catalog = None

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


def open_lake(
    path: str | Path,
    *,
    env: str = "local",
    principal: str | None = None,
    purpose: str | None = None,
    contracts: str | Path | None = None,
    **flags: Any,  # noqa: ANN401 -- settings check each of them
) -> Lake:
    """Open a lake's folder, or create the lake where there is none.

    Args:
        path: The folder.
        env: The environment, a file in `environments/`.
        principal: Who asks. This version decides no policy: naming a principal is refused, not ignored.
        purpose: What for; likewise.
        contracts: The contracts' folder; by default `./contracts`, else the copy in the package.
        **flags: Other settings, as `memory_limit`.

    Raises:
        OperatorError: `not-a-lake`.
        UsageError: `usage` where a principal or a purpose is named.
    """
    if principal is not None or purpose is not None:
        raise UsageError(
            "usage",
            "This version decides no policy, so it cannot act for a principal or a purpose",
            next_step="open the lake without them: whoever can read its folder and keys can read its data",
        )
    settings = load_settings(lake=Path(path), env=env, contracts=contracts, **flags)
    return Lake(LakeFolder.open(settings.lake), settings)
