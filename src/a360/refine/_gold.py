"""Silver to gold: one SELECT a dataset, computed whole or for the keys whose upstream rows changed."""

import time
from collections.abc import Mapping, Sequence

from a360.catalog import CommitStamp
from a360.contract import GoldStep, SilverStep
from a360.engine import quote_name, quote_table, quote_text
from a360.failpoints import failpoint
from a360.quality import RuleResult, require_unblocked
from a360.refine._context import STEP_KEY, RefineContext, StepOutcome
from a360.refine._measuring import AFTERWARDS, measured
from a360.refine._shape import silver_shape
from a360.refine._standing import Standing, current_snapshots, remade, standing
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
            return StepOutcome(self._report(0, 0, None), "nothing", upstream=upstream)
        commits = self._changed_commits(stood)
        if commits is None:
            return self._replace(upstream)
        return self._by_key(stood, upstream, commits)

    def _changed_commits(self, stood: Standing) -> Mapping[str, Sequence[str]] | None:
        """The commits of each upstream dataset since the last standing; None where all must be computed."""
        if self._full or self._step.refresh.mode == "replace" or stood.step != self._step.fingerprint:
            return None
        commits: dict[str, Sequence[str]] = {}
        for dataset in self._step.upstream:
            if dataset not in stood.upstream or not self._has_keys(dataset):
                if self._context.tables.current_snapshot_id(dataset) != stood.upstream.get(dataset):
                    return None
                continue
            since = self._context.tables.commits_since(dataset, stood.upstream[dataset])
            if since is None or remade(self._context.tables, dataset, stood.upstream[dataset]):
                return None
            commits[dataset] = since
        return commits

    def _has_keys(self, dataset: str) -> bool:
        names = self._context.plan.table(dataset).column_names
        return "commit_id" in names and set(self._step.refresh.columns) <= set(names)

    def _replace(self, upstream: dict[str, str]) -> StepOutcome:
        self._stage(self._step.sql)
        read = self._upstream_rows()
        quality = self._check()
        report = self._report(sum(read.values()), self._rows(), self._commit_id)
        self._context.tables.replace(
            self._step.dataset, self._staged_sql, self._stamp(upstream, report), session=self._session
        )
        return StepOutcome(report, "replace", quality, upstream, read)

    def _by_key(
        self, stood: Standing, upstream: dict[str, str], commits: Mapping[str, Sequence[str]]
    ) -> StepOutcome:
        self._session.execute(f"CREATE OR REPLACE TEMP TABLE changed AS {self._changed_sql(stood, commits)}")
        self._stage(
            f"SELECT * FROM ({self._step.sql}) AS model SEMI JOIN changed ON {self._is_changed('model')}"
        )
        read = self._upstream_rows()
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
        return StepOutcome(report, "by_key", quality, upstream, read)

    def _changed_sql(self, stood: Standing, commits: Mapping[str, Sequence[str]]) -> str:
        """The keys of rows that changed, with the keys the same rows had before."""
        keys = ", ".join(quote_name(column) for column in self._step.refresh.columns)
        parts = []
        for dataset, since in commits.items():
            if not since:
                continue
            texts = ", ".join(quote_text(commit) for commit in since)
            own = ", ".join(quote_name(column) for column in self._context.plan.table(dataset).key)
            table = quote_table(dataset)
            parts.append(f"SELECT {keys} FROM {table} WHERE commit_id IN ({texts})")
            before = f"{table} AT (VERSION => {int(stood.upstream[dataset])})"
            parts.append(
                f"SELECT {keys} FROM {before} WHERE ({own}) IN "
                f"(SELECT ({own}) FROM {table} WHERE commit_id IN ({texts}))"
            )
            if self._loses_rows(dataset):
                parts.append(
                    f"SELECT {keys} FROM {before} WHERE ({own}) NOT IN (SELECT ({own}) FROM {table})"
                )
        union = " UNION ".join(parts) or f"SELECT {keys} FROM {quote_table(self._step.dataset)} WHERE FALSE"
        return f"SELECT DISTINCT {keys} FROM ({union})"

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

    def _upstream_rows(self) -> dict[str, int]:
        counts = ", ".join(
            f"(SELECT count(*) FROM {quote_table(dataset)}) AS {quote_name(dataset)}"
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
