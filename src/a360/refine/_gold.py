"""Silver to gold: one SELECT a dataset, computed whole or for the keys whose upstream rows changed."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

from a360.catalog import CommitStamp
from a360.contract import DatasetRule, GoldStep, RowRule, engine_sql
from a360.engine import quote_name, quote_table
from a360.failpoints import failpoint
from a360.quality import RuleResult
from a360.refine._audit import Audit, Measure
from a360.refine._changed import CHANGED, ChangedKeys, UpstreamChanges
from a360.refine._context import STEP_KEY, RefineContext, StepOutcome
from a360.refine._held import HeldRows
from a360.refine._measuring import AFTERWARDS, Exchange, measured, measured_exchange
from a360.refine._narrowed import narrowed
from a360.refine._standing import UNCHANGED, Standing, anew, current_snapshots, lost, remade, standing
from a360.table import StepReport, new_commit_id

_ABOUT_TO_LAND = "about_to_land"
_MEND = "compare the model with its upstream datasets, then run again"


def refine_gold(
    context: RefineContext, step: GoldStep, *, full: bool = False, held: HeldRows | None = None
) -> StepOutcome:
    """Bring one gold dataset up to date with its upstream datasets; `held` is what a run has read already.

    Raises:
        DataError: `rule-blocked` where a rule does not hold; nothing is committed.
    """
    return _GoldRun(context, step, held or HeldRows(context, [step]), full=full).run()


class _GoldRun:
    def __init__(self, context: RefineContext, step: GoldStep, held: HeldRows, *, full: bool) -> None:
        self._context = context
        self._held = held
        self._session = context.session
        self._step = step
        self._full = full
        self._table = context.plan.table(step.dataset)
        self._commit_id = new_commit_id()
        self._started = time.perf_counter()

    def run(self) -> StepOutcome:
        stood = standing(self._context.tables, self._step.dataset)
        upstream = current_snapshots(self._context.tables, self._step.upstream)
        if not upstream or (not self._full and stood.is_current(upstream, self._step.fingerprint)):
            return StepOutcome(self._report(0, 0, None), "nothing", UNCHANGED, upstream=upstream)
        commits, why = self._changed_commits(stood)
        if commits is None:
            return self._replace(upstream, why)
        return self._by_key(stood, upstream, commits, why)

    def _changed_commits(self, stood: Standing) -> tuple[Mapping[str, Sequence[str]] | None, str]:
        """The commits of each upstream dataset since, or None where all is computed; and why."""
        why = anew(stood, self._step.fingerprint, full=self._full)
        if self._step.refresh.mode == "replace":
            why = why or "its contract says replace"
        if why:
            return None, why
        tables = self._context.tables
        commits: dict[str, Sequence[str]] = {}
        for dataset in self._step.upstream:
            if tables.current_snapshot_id(dataset) == stood.upstream.get(dataset):
                continue
            if dataset not in stood.upstream or not self._has_keys(dataset):
                return None, f"{dataset} changed, which cannot be told by key"
            since = tables.commits_since(dataset, stood.upstream[dataset])
            if since is None or remade(tables, dataset, stood.upstream[dataset]):
                return None, lost(dataset)
            commits[dataset] = since
        return commits, f"its contract says by_key, {sum(map(len, commits.values()))} commit(s) upstream"

    def _has_keys(self, dataset: str) -> bool:
        names = self._context.plan.table(dataset).column_names
        return "commit_id" in names and set(self._step.refresh.columns) <= set(names)

    @property
    def _keyed(self) -> dict[str, Sequence[str]]:
        """The upstream datasets whose rows belong to keys, with their columns."""
        tables = map(self._context.plan.table, filter(self._has_keys, self._step.upstream))
        return {table.dataset: table.column_names for table in tables}

    def _replace(self, upstream: dict[str, str], why: str) -> StepOutcome:
        self._stage(f"SELECT * FROM {self._modelled(self._step.sql)} AS modelled")
        read = self._upstream_rows()
        audit = self._audit(lambda rows: measured(self._context, self._step.dataset, self._rules, rows))
        if not self._session.branches:
            audit("staged")
        report = self._report(sum(read.values()), self._rows(), self._commit_id)
        self._context.tables.replace(
            self._step.dataset,
            self._staged_sql,
            self._stamp(upstream, report),
            session=self._session,
            audit=audit.unless_done,
        )
        return StepOutcome(report, "replace", why, audit.quality, upstream, read)

    def _by_key(
        self, stood: Standing, upstream: dict[str, str], commits: Mapping[str, Sequence[str]], why: str
    ) -> StepOutcome:
        keys = UpstreamChanges(self._context, self._step).find(stood, commits)
        model = narrowed(self._step.sql, self._keyed, partial(self._held.relation_of, self._step, keys))
        modelled = f"SELECT * FROM {self._modelled(model.sql)} AS modelled"
        self._stage(keys.result_of(modelled, self._table.column_names))
        read = self._upstream_rows(model.relations)
        audit = self._audit(self._exchanged(stood, keys))
        if not self._session.branches:
            audit(_ABOUT_TO_LAND)
        report = self._report(sum(read.values()), self._rows(), self._commit_id)
        stamp = self._stamp(upstream, report)
        merged = self._context.tables.merge(
            self._step.dataset,
            self._staged_sql,
            list(self._table.key),
            stamp,
            scope=list(self._step.refresh.columns),
            scope_rows=f"SELECT * FROM {CHANGED}",
            session=self._session,
            audit=audit.unless_done,
        )
        if not audit.done:
            audit(_ABOUT_TO_LAND)
        if merged.snapshot_id is None:
            # No key changed, but that this was looked at must be known, or it would be looked at for ever.
            self._context.tables.append(
                self._step.dataset, f"{self._staged_sql} LIMIT 0", stamp, session=self._session
            )
        return StepOutcome(report, "by_key", why, audit.quality, upstream, read)

    def _modelled(self, model: str) -> str:
        """A relation of what a model gives, which each engine reads in its own SQL."""
        return self._session.define("modelled", partial(engine_sql, model))

    def _stage(self, sql: str) -> None:
        """Compute the rows to check into the temporary table `staged`."""
        self._session.execute(f"CREATE OR REPLACE TEMP TABLE staged AS {sql}")
        failpoint("refine.gold.staged")

    @property
    def _staged_sql(self) -> str:
        return f"SELECT {', '.join(quote_name(name) for name in self._table.column_names)} FROM staged"

    def _rows(self) -> int:
        return int(self._session.sql("SELECT count(*) AS n FROM staged")["n"][0].as_py())

    def _upstream_rows(self, narrowed: Mapping[str, str] = MappingProxyType({})) -> dict[str, int]:
        """How many rows were read of each upstream dataset, or of what stood for it."""
        counts = ", ".join(
            f"(SELECT count(*) FROM {narrowed.get(dataset) or quote_table(dataset)}) AS {quote_name(dataset)}"
            for dataset in self._step.upstream
        )
        row = self._session.sql(f"SELECT {counts}").to_pylist()[0]
        return {dataset: int(rows) for dataset, rows in row.items()}

    @property
    def _rules(self) -> list[RowRule | DatasetRule]:
        before = (rule for rule in self._step.dataset_rules if not isinstance(rule.measure, AFTERWARDS))
        return [*self._step.rules, *before]

    def _exchanged(self, stood: Standing, keys: ChangedKeys) -> Measure:
        """What measures every rule where only some keys were computed, and the rows of others stay."""
        table, names = quote_table(self._step.dataset), self._table.column_names
        self._session.execute(f"CREATE OR REPLACE TEMP VIEW going AS {keys.rows_of(table, names)}")
        self._session.execute(
            f"CREATE OR REPLACE TEMP VIEW {_ABOUT_TO_LAND} AS {self._staged_sql} "
            f"UNION ALL {keys.other_rows(table, names)}"
        )

        def measure(rows: str) -> list[RuleResult]:
            exchange = Exchange(self._step.refresh.columns, stood.commit_id, "going", "staged", rows)
            return measured_exchange(self._context, self._step.dataset, self._rules, exchange)

        return measure

    def _audit(self, measure: Measure) -> Audit:
        """A gold row that fails an error rule blocks, as a rule of the whole dataset does."""
        return Audit(self._step.dataset, measure, rows_too=True, next_step=_MEND)

    def _stamp(self, upstream: dict[str, str], report: StepReport) -> CommitStamp:
        counts = {"read": report.read, "output_rows": report.output_rows}
        return CommitStamp(self._commit_id, upstream, counts, {STEP_KEY: self._step.fingerprint})

    def _report(self, read: int, output_rows: int, commit_id: str | None) -> StepReport:
        seconds = time.perf_counter() - self._started
        return StepReport(self._step.dataset, commit_id, read=read, output_rows=output_rows, seconds=seconds)
