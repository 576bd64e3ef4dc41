"""Silver to gold: one SELECT a dataset, computed whole or for the keys whose upstream rows changed."""

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from a360.catalog import CommitStamp
from a360.contract import GoldStep, SilverStep
from a360.engine import quote_name, quote_table, quote_text
from a360.failpoints import failpoint
from a360.quality import RuleResult, require_unblocked
from a360.refine._context import STEP_KEY, RefineContext, StepOutcome
from a360.refine._measuring import AFTERWARDS, measured
from a360.refine._narrowed import narrowed
from a360.refine._shape import silver_shape
from a360.refine._standing import UNCHANGED, Standing, anew, current_snapshots, lost, remade, standing
from a360.table import StepReport, new_commit_id

_MEND = "compare the model with its upstream datasets, then run again"


def refine_gold(context: RefineContext, step: GoldStep, *, full: bool = False) -> StepOutcome:
    """Bring one gold dataset up to date with its upstream datasets.

    Raises:
        DataError: `rule-blocked` where a rule does not hold; nothing is committed.
    """
    return _GoldRun(context, step, full=full).run()


class _GoldRun:
    def __init__(self, context: RefineContext, step: GoldStep, *, full: bool) -> None:
        self._context = context
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
            if dataset not in stood.upstream or not self._has_keys(dataset):
                if tables.current_snapshot_id(dataset) != stood.upstream.get(dataset):
                    return None, f"{dataset} changed, which cannot be told by key"
                continue
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
        self._stage(self._step.sql)
        read = self._upstream_rows()
        quality = self._check()
        report = self._report(sum(read.values()), self._rows(), self._commit_id)
        self._context.tables.replace(
            self._step.dataset, self._staged_sql, self._stamp(upstream, report), session=self._session
        )
        return StepOutcome(report, "replace", why, quality, upstream, read)

    def _by_key(
        self, stood: Standing, upstream: dict[str, str], commits: Mapping[str, Sequence[str]], why: str
    ) -> StepOutcome:
        self._session.execute(f"CREATE OR REPLACE TEMP TABLE changed AS {self._changed_sql(stood, commits)}")
        model = narrowed(self._step.sql, self._keyed, "changed", self._is_changed("t"))
        for relation, rows in model.rows.values():
            self._session.execute(f"CREATE OR REPLACE TEMP TABLE {relation} AS {rows}")
        self._stage(f"SELECT * FROM ({model.sql}) AS model SEMI JOIN changed ON {self._is_changed('model')}")
        read = self._upstream_rows({dataset: relation for dataset, (relation, _) in model.rows.items()})
        quality = self._check(whole=False)
        report = self._report(sum(read.values()), self._rows(), self._commit_id)
        stamp = self._stamp(upstream, report)
        merged = self._context.tables.merge(
            self._step.dataset,
            self._staged_sql,
            list(self._table.key),
            stamp,
            scope=list(self._step.refresh.columns),
            scope_rows="SELECT * FROM changed",
            session=self._session,
        )
        if merged.snapshot_id is None:
            # No key changed, but that this was looked at must be known, or it would be looked at for ever.
            self._context.tables.append(
                self._step.dataset, f"{self._staged_sql} LIMIT 0", stamp, session=self._session
            )
        return StepOutcome(report, "by_key", why, quality, upstream, read)

    def _changed_sql(self, stood: Standing, commits: Mapping[str, Sequence[str]]) -> str:
        """The keys of rows that changed, with the keys the same rows had before."""
        keys = ", ".join(quote_name(column) for column in self._step.refresh.columns)
        parts = []
        for dataset, since in commits.items():
            if not since:
                continue
            texts = ", ".join(quote_text(commit) for commit in since)
            table = quote_table(dataset)
            before = f"(SELECT * FROM {table} AT (VERSION => {int(stood.upstream[dataset])}))"
            same = self._same_row(dataset)
            landed = f"SELECT * FROM {table} WHERE commit_id IN ({texts})"
            parts.append(f"SELECT {keys} FROM ({landed})")
            parts.append(f"SELECT {keys} FROM {before} AS t SEMI JOIN ({landed}) AS n ON {same}")
            if self._loses_rows(dataset):
                parts.append(f"SELECT {keys} FROM {before} AS t ANTI JOIN {table} AS n ON {same}")
        union = " UNION ".join(parts) or f"SELECT {keys} FROM {quote_table(self._step.dataset)} WHERE FALSE"
        return f"SELECT DISTINCT {keys} FROM ({union})"

    def _same_row(self, dataset: str) -> str:
        key = map(quote_name, self._context.plan.table(dataset).key)
        return " AND ".join(f"t.{column} = n.{column}" for column in key)

    def _loses_rows(self, dataset: str) -> bool:
        """Whether rows go without a trace, as where a newer version of a resource has fewer of them."""
        step = self._context.plan.step(dataset)
        return isinstance(step, SilverStep) and silver_shape(step, self._context.plan.table(dataset)).many

    def _is_changed(self, rows: str) -> str:
        """The condition that joins rows with the keys in `changed`; a null key is a key too."""
        columns = map(quote_name, self._step.refresh.columns)
        return " AND ".join(f"{rows}.{column} IS NOT DISTINCT FROM changed.{column}" for column in columns)

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

    def _check(self, *, whole: bool = True) -> list[RuleResult]:
        """Measure every rule on the dataset as it will be; a gold row that fails an error rule blocks.

        Where only some keys were computed, rules see them beside the rows that stay.
        """
        self._session.execute(f"CREATE OR REPLACE TEMP VIEW about_to_land AS {self._whole_sql(whole=whole)}")
        rules = [rule for rule in self._step.dataset_rules if not isinstance(rule.measure, AFTERWARDS)]
        results = measured(self._context, self._step.dataset, [*self._step.rules, *rules], "about_to_land")
        require_unblocked(self._step.dataset, results, rows_too=True, next_step=_MEND)
        return results

    def _whole_sql(self, *, whole: bool) -> str:
        if whole:
            return self._staged_sql
        names = ", ".join(quote_name(name) for name in self._table.column_names)
        return (
            f"{self._staged_sql} UNION ALL SELECT {names} FROM {quote_table(self._step.dataset)} AS kept "
            f"ANTI JOIN changed ON {self._is_changed('kept')}"
        )

    def _stamp(self, upstream: dict[str, str], report: StepReport) -> CommitStamp:
        counts = {"read": report.read, "output_rows": report.output_rows}
        return CommitStamp(self._commit_id, upstream, counts, {STEP_KEY: self._step.fingerprint})

    def _report(self, read: int, output_rows: int, commit_id: str | None) -> StepReport:
        seconds = time.perf_counter() - self._started
        return StepReport(self._step.dataset, commit_id, read=read, output_rows=output_rows, seconds=seconds)
