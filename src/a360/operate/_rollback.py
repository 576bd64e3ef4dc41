"""The way back of one dataset, and of what went with its commits into other tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from a360.catalog import CommitStamp
from a360.contract import LakePlan, SilverStep
from a360.engine import quote_table, quote_text
from a360.errors import UsageError
from a360.table import (
    Moment,
    Tables,
    commits_after,
    new_commit_id,
    pins,
    sweep_lost_batches,
    undone_snapshots,
)

_RESOURCES, _RECORDS = "bronze.fhir_resource", "bronze.record"
_BRONZE = (_RESOURCES, _RECORDS)
# What of bronze belongs to the commits of which table.
_BESIDE = {
    "bronze.fhir_block": _RESOURCES,
    "quarantine.fhir_resource": _RESOURCES,
    "bronze.record_block": _RECORDS,
    "quarantine.record": _RECORDS,
}


@dataclass(frozen=True, slots=True)
class RollbackReport:
    """What a rollback does, or did once `commit_id` is set.

    `recomputed` names the datasets whose rows come from what is undone: the next run computes them anew, and
    until then they show it. `removed` counts rows that went with the undone commits out of other tables.
    """

    table: str
    before: str
    after: str
    undone: Sequence[str]
    recomputed: Sequence[str]
    commit_id: str | None = None
    removed: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self)


def rollback(
    plan: LakePlan, tables: Tables, name: str, to: Moment, *, accept: bool = False
) -> RollbackReport:
    """Make an older state of a dataset current again; see `RollbackReport` for what goes with it.

    Raises:
        UsageError: `rollback-unconfirmed` unless what it undoes and what depends on it is accepted, or it
            cannot be gone back to.
    """
    planned = _planned(plan, tables, name, to)
    _require_accepted(planned, accept=accept)
    return _roll_back(plan, tables, planned)


def _planned(plan: LakePlan, tables: Tables, name: str, to: Moment) -> RollbackReport:
    """What a rollback would undo, and which datasets are computed from it.

    Raises:
        UsageError: the table does not go back on its own, or the moment is not in its history.
    """
    _require_main(plan, name)
    target = pins(tables, to, [name])[name]
    table, current = tables.load(name), tables.current_snapshot_id(name)
    if target is None or current is None:
        raise UsageError(
            "time-unreachable",
            f"{name} held nothing then, and a table is not rolled back behind its first commit",
            where=name,
            next_step=f"`a360 history {name}` lists its snapshots",
        )
    if target not in {each.snapshot_id for each in tables.snapshots(name)}:
        raise UsageError(
            "unknown-table",
            f"The snapshot {target} is not in the history of {name}: it was undone, or is another branch's",
            where=name,
            next_step="run `a360 run` to compute it anew, or ingest the files again",
        )
    return RollbackReport(
        name, current, target, commits_after(table, target), _computed_from(plan, tables, name)
    )


def _require_main(plan: LakePlan, name: str) -> None:
    """Raise for a table that is no dataset by itself: what lies in it belongs to commits of another."""
    if name in _BRONZE or name in {step.dataset for step in plan.steps}:
        return
    mains = _mains_of(plan, name)
    raise UsageError(
        "usage",
        f"{name} is not rolled back on its own",
        found="a record of what was done"
        if not mains
        else f"it belongs to the commits of {', '.join(mains)}",
        next_step=f"roll back {mains[0]}" if mains else "leave it as it is",
    )


def _mains_of(plan: LakePlan, name: str) -> list[str]:
    companions = {
        _rejects_of(plan, step): step.dataset for step in plan.steps if isinstance(step, SilverStep)
    }
    companions |= _BESIDE
    return [companions[name]] if name in companions else []


def _rejects_of(plan: LakePlan, step: SilverStep) -> str:
    return f"quarantine.{plan.table(step.dataset).name}"


def _computed_from(plan: LakePlan, tables: Tables, name: str) -> list[str]:
    """The dataset itself, if a step makes it, and all that are computed from it, in the order of a run."""
    reached = {name}
    for step in plan.steps:
        looks_up = step.looks_up if isinstance(step, SilverStep) else ()
        if reached & {*step.upstream, *looks_up}:
            reached.add(step.dataset)
    made = [step.dataset for step in plan.steps if step.dataset in reached]
    return [dataset for dataset in made if tables.current_snapshot_id(dataset) is not None]


def _require_accepted(planned: RollbackReport, *, accept: bool) -> None:
    """Raise unless the caller agrees to what a rollback undoes, and knows what depends on it."""
    if accept or not planned.undone:
        return
    count = len(planned.undone)
    raise UsageError(
        "rollback-unconfirmed",
        f"It would undo {count} commit{'' if count == 1 else 's'} of {planned.table}; nothing was changed",
        where=planned.table,
        found=f"computed from it, and anew by the next run: {', '.join(planned.recomputed) or 'nothing'}",
        next_step="say --yes to it (in Python: accept=True); `a360 diff` shows the rows that would change",
    )


def _roll_back(plan: LakePlan, tables: Tables, planned: RollbackReport) -> RollbackReport:
    """Carry out what was planned: first the dataset, then what its undone commits left elsewhere.

    Whoever dies in between leaves commits that are known to be undone; `sweep_undone` finds them.
    """
    commit_id = None
    if planned.before != planned.after:
        commit_id = tables.rollback(planned.table, planned.after, base=planned.before).commit_id
    return RollbackReport(
        planned.table,
        planned.before,
        planned.after,
        planned.undone,
        planned.recomputed,
        commit_id,
        sweep_undone(plan, tables),
    )


def sweep_undone(plan: LakePlan, tables: Tables) -> dict[str, int]:
    """Remove what undone commits left in other tables: blocks, file records and rejects; rows by table."""
    from a360.ingest import sweep_uncommitted  # noqa: PLC0415 -- rarely needed

    now = new_commit_id()
    results = list(sweep_uncommitted(tables, before_commit_id=now))
    steps = [step for step in plan.steps if isinstance(step, SilverStep)]
    for step in steps:
        results += sweep_lost_batches(tables, step.dataset, [_rejects_of(plan, step)], before_commit_id=now)
    times = _times_undone(tables)
    if times:
        among = ", ".join(f"TIMESTAMPTZ {quote_text(each)}" for each in times)
        rejects = dict.fromkeys(_rejects_of(plan, step) for step in steps)
        results += [tables.delete(name, f"known_at IN ({among})", CommitStamp(now)) for name in rejects]
    return _rows_by_table((each.table, each.deleted_rows - each.added_rows) for each in results)


def _times_undone(tables: Tables) -> list[str]:
    """When the lake learned of what it no longer holds: rejects of silver are known by that."""
    found: set[str] = set()
    for name in filter(tables.exists, _BRONZE):
        undone = tables.undone_commits(name)
        among = ", ".join(map(quote_text, sorted(undone)))
        for snapshot in undone_snapshots(tables.load(name)) if undone else ():
            rows = f"{quote_table(name)} AT (VERSION => {snapshot.snapshot_id:d})"
            sql = f"SELECT DISTINCT known_at::VARCHAR AS t FROM {rows} WHERE commit_id IN ({among})"
            found.update(tables.session.sql(sql)["t"].to_pylist())
    return sorted(found)


def _rows_by_table(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, rows in counted:
        if rows:
            found[name] = found.get(name, 0) + rows
    return found
