"""The quality of a lake as it stands: every rule measured on what the tables hold now."""

from collections import Counter
from collections.abc import Mapping

from a360.contract import GoldStep, LakePlan, Step
from a360.engine import EngineSession, quote_table
from a360.lake._reports import CheckReport, DatasetQuality
from a360.quality import Verdicts, measure_results, measure_sql, verdict_sql
from a360.refine import alive_sql
from a360.table import Tables, landed_batches


def check(plan: LakePlan, tables: Tables, session: EngineSession) -> CheckReport:
    """Measure every dataset that has been committed, in the plan's order. Reads only."""
    return CheckReport(
        [
            _check(plan, step, tables, session)
            for step in plan.steps
            if tables.current_snapshot_id(step.dataset) is not None
        ]
    )


def _check(plan: LakePlan, step: Step, tables: Tables, session: EngineSession) -> DatasetQuality:
    table = quote_table(step.dataset)
    alive = alive_sql(plan.table(step.dataset))
    tally = session.sql(
        f"SELECT verdict, count(*) AS n "
        f"FROM (SELECT {verdict_sql(step.rules)} AS verdict FROM {table} WHERE {alive}) GROUP BY verdict"
    )
    counted = list(zip(tally["verdict"].to_pylist(), tally["n"].to_pylist(), strict=True))
    results = Verdicts(step.dataset, step.rules).results(counted)
    measured = session.sql(measure_sql(step.dataset, step.dataset_rules, table, alive=alive)).to_pylist()[0]
    results += measure_results(step.dataset, step.dataset_rules, measured)
    rows = sum(count for _, count in counted)
    return DatasetQuality(step.dataset, rows, results, _quarantined(step, tables, session))


def _quarantined(step: Step, tables: Tables, session: EngineSession) -> Mapping[str, int]:
    quarantine = f"quarantine.{step.dataset.partition('.')[2]}"
    if isinstance(step, GoldStep) or tables.current_snapshot_id(quarantine) is None:
        return {}
    counts = session.sql(
        f"SELECT rule, commit_id, count(*) AS n FROM {quote_table(quarantine)} GROUP BY ALL ORDER BY rule"
    )
    landed = landed_batches(tables, step.dataset)
    by_rule: Counter[str] = Counter()
    for row in counts.to_pylist():
        if row["commit_id"] in landed:
            by_rule[row["rule"]] += row["n"]
    return by_rule
