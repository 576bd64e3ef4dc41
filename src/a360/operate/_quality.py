"""The quality of a lake: every rule measured on what the tables hold now, or judged by what was counted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import DatasetRule, LakePlan, RowRule, Step
from a360.engine import quote_table
from a360.errors import UsageError
from a360.operate._attachments import ATTACHMENTS, ELSEWHERE, IN_STORE, Attachments
from a360.operate._quality_report import CheckReport, DatasetQuality
from a360.operate._quarantine import quarantined
from a360.quality import (
    STORED,
    RuleResult,
    ScorePoint,
    Stored,
    compares,
    history_sql,
    judge_stored,
    measure_results,
    measure_sql,
    of_row,
    read_history,
    score,
    scores,
    to_row,
)
from a360.refine import alive_sql, standing_commit
from a360.table import Tables, new_commit_id

_TREND_POINTS = 60


class LakeQuality:
    """Measures and judges the datasets of a lake; `now` is the moment that ages are told from."""

    def __init__(
        self,
        plan: LakePlan,
        tables: Tables,
        now: datetime | None = None,
        attachments: Attachments | None = None,
    ) -> None:
        self._attachments = attachments
        self._plan = plan
        self._tables = tables
        self._session = tables.session
        self._now = now or datetime.now(UTC)

    def check(self, datasets: Sequence[str] = ()) -> CheckReport:
        """Measure datasets that have been committed, one query each, and keep what was not known before.

        Raises:
            UsageError: `unknown-dataset`.
        """
        refused = quarantined(self._tables)
        found = [self._measure(step, refused) for step in self._steps(datasets)]
        self._keep(found)
        return CheckReport(found)

    def judge(self, datasets: Sequence[str] = ()) -> CheckReport:
        """Hold the rules as the contracts have them now to what was counted before; no dataset is read."""
        refused = quarantined(self._tables)
        return CheckReport([self._judge(step, refused) for step in self._steps(datasets)])

    def _steps(self, datasets: Sequence[str]) -> list[Step]:
        wanted = {self._plan.step(dataset).dataset for dataset in map(self._known, datasets)}
        return [
            step
            for step in self._plan.steps
            if (not wanted or step.dataset in wanted)
            and self._tables.current_snapshot_id(step.dataset) is not None
        ]

    def _known(self, name: str) -> str:
        dataset = self._plan.table(name).dataset
        if all(step.dataset != dataset for step in self._plan.steps):
            raise UsageError(
                "usage",
                "Only datasets of silver and gold have rules",
                found=dataset,
                next_step="name one of them; `a360 tables` lists all",
            )
        return dataset

    def _measure(self, step: Step, refused: Mapping[str, Mapping[str, int]]) -> DatasetQuality:
        rules: list[RowRule | DatasetRule] = [*step.rules, *step.dataset_rules]
        commit_id = self._standing(step)
        table, alive = quote_table(step.dataset), alive_sql(self._plan.table(step.dataset))
        sql = measure_sql(step.dataset, rules, table, alive=alive, now=self._now)
        answer = self._session.sql(sql).to_pylist()[0]
        history = None
        if compares(rules) and self._keeps_counts:
            history = read_history(self._session.sql(history_sql(step.dataset, commit_id)).to_pylist())
        results = [*measure_results(step.dataset, rules, answer, now=self._now, history=history)]
        if step.dataset == ATTACHMENTS and self._attachments is not None:
            results += [self._attachments.missing(), self._attachments.elsewhere()]
        return DatasetQuality(
            step.dataset,
            int(answer["checked"]),
            results,
            refused.get(step.dataset, {}),
            measured_at=self._now,
            commit_id=commit_id,
        )

    def _judge(self, step: Step, refused: Mapping[str, Mapping[str, int]]) -> DatasetQuality:
        stored = self._stored.get(step.dataset, ())
        rules: list[RowRule | DatasetRule] = [*step.rules, *step.dataset_rules]
        results, unknown = judge_stored(step.dataset, rules, stored, self._now)
        kept = {each.result.fingerprint: each.result for each in stored}
        results += [kept[name] for name in (IN_STORE, ELSEWHERE) if name in kept]
        standing = self._standing(step)
        wanted = {rule.fingerprint for rule in rules}
        used = [each for each in stored if each.result.fingerprint in wanted]
        rows = max(used, key=lambda each: each.known_at).result.checked if used else None
        return DatasetQuality(
            step.dataset,
            max((result.checked or 0 for result in results), default=rows or 0),
            results,
            refused.get(step.dataset, {}),
            measured_at=min((each.known_at for each in used), default=None),
            commit_id=standing,
            current=bool(used) and all(each.commit_id == standing for each in used),
            unmeasured=unknown,
        )

    def _standing(self, step: Step) -> str | None:
        """The commit whose rows a dataset holds; of reference data, which no step makes, the newest."""
        if step.kind == "reference":
            return self._tables.snapshots(step.dataset)[0].commit_id
        return standing_commit(self._tables, step.dataset)

    @cached_property
    def _keeps_counts(self) -> bool:
        """Whether the lake's table has a place for counts; one of an older version gets it with `apply`."""
        return "measure" in self._tables.load(STORED).schema().column_names

    @cached_property
    def _stored(self) -> Mapping[str, Sequence[Stored]]:
        """The newest measurement of whole datasets by what was measured, of each dataset."""
        found: dict[str, list[Stored]] = defaultdict(list)
        if self._keeps_counts:
            rows = self._session.sql(
                f"SELECT * FROM {STORED} WHERE scope = 'dataset' AND commit_id IS NOT NULL "
                "QUALIFY row_number() OVER (PARTITION BY dataset, measure ORDER BY known_at DESC) = 1"
            )
            for row in rows.to_pylist():
                found[row["dataset"]].append(Stored(of_row(row), row["known_at"], row["commit_id"]))
        return found

    def _keep(self, found: Iterable[DatasetQuality]) -> None:
        """Append what was measured, of datasets of which it was not known; a second check leaves no trace."""
        if not self._keeps_counts:
            return
        run_id = new_commit_id()
        rows: list[dict[str, Any]] = []
        for each in found:
            if each.commit_id is not None and not self._is_known(each):
                mark = {"run_id": run_id, "commit_id": each.commit_id, "known_at": self._now}
                rows += [{**to_row(result), **mark} for result in each.results]
        if rows:
            self._tables.append(STORED, pa.Table.from_pylist(rows), CommitStamp(run_id))

    def _is_known(self, quality: DatasetQuality) -> bool:
        known = {each.result.fingerprint: each for each in self._stored.get(quality.dataset, ())}
        return all(
            (before := known.get(result.fingerprint)) is not None
            and before.commit_id == quality.commit_id
            and _told(before.result) == _told(result)
            for result in quality.results
        )

    def trends(self) -> dict[str, list[ScorePoint]]:
        """How the scores of each dataset went, oldest first: a point a run or check that measured."""
        rows = self._session.sql(
            f"SELECT * FROM {STORED} QUALIFY dense_rank() OVER "
            f"(PARTITION BY dataset ORDER BY run_id DESC) <= {_TREND_POINTS} ORDER BY run_id"
        )
        groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
        for row in rows.to_pylist():
            groups[row["dataset"], row["run_id"]].append(row)
        found: dict[str, list[ScorePoint]] = defaultdict(list)
        for (dataset, _), measured in groups.items():
            results = [of_row({"scope": None, "measure": None, "counts": None, **row}) for row in measured]
            known_at = max(row["known_at"] for row in measured)
            found[dataset].append(ScorePoint(known_at, score(results), scores(results)))
        return found


def _told(result: RuleResult) -> RuleResult:
    """A result but for what changes by itself as time goes by."""
    return replace(result, measured=None) if result.kind == "latency" else replace(result, threshold=())
