"""What the lake refused: how much, by which rule, since when; a refused row opened; and tried again."""

import builtins
import getpass
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import structlog

from a360._progress import Progress
from a360.contract import LakePlan
from a360.engine import quote_table, quote_text
from a360.errors import UsageError
from a360.operate._journal import RunRecord
from a360.operate._opened import Opened
from a360.protect import Sealer, quarantine_context
from a360.refine import RefineContext, StepOutcome, refine, selected_steps
from a360.table import StepReport, Tables, landed_batches

if TYPE_CHECKING:
    from a360.ingest import IngestReplay


BRONZE_RESOURCE, BRONZE_RECORD = "bronze.fhir_resource", "bronze.record"
_NAME_LENGTH = 12
# No two sealed payloads are alike, so that a little of one's digest names its row and tells nothing of it.
_NAME = f"left(sha256(payload), {_NAME_LENGTH})"

ZONE = "quarantine"


def quarantine_tables(tables: Tables) -> list[str]:
    """The quarantine tables that hold or held anything."""
    return [name for name in tables.list(ZONE) if tables.current_snapshot_id(name) is not None]


def refused_rows(tables: Tables) -> list[dict[str, Any]]:
    """How many rows each dataset refused, by source and rule, with the first and last time.

    Rejects of a batch that never landed belong to a run that was cut short, and are left aside.
    """
    names = quarantine_tables(tables)
    if not names:
        return []
    parts = (
        f"SELECT dataset, source, rule, mode(reason) AS reason, commit_id, count(*) AS n, "
        f"min(known_at) AS first, max(known_at) AS last FROM {quote_table(name)} GROUP BY ALL"
        for name in names
    )
    rows = tables.session.sql(" UNION ALL ".join(parts)).to_pylist()
    landed = {dataset: landed_batches(tables, dataset) for dataset in {row["dataset"] for row in rows}}
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["commit_id"] in landed[row["dataset"]]:
            groups[row["dataset"], row["source"], row["rule"]].append(row)
    return [_summed(key, group) for key, group in sorted(groups.items())]


def _summed(key: Sequence[str], group: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    dataset, source, rule = key
    return {
        "dataset": dataset,
        "source": source,
        "rule": rule,
        "reason": max(group, key=lambda row: row["n"])["reason"],
        "rows": sum(row["n"] for row in group),
        "first": min(row["first"] for row in group),
        "last": max(row["last"] for row in group),
    }


def quarantined(tables: Tables) -> Mapping[str, Mapping[str, int]]:
    """How many rows each dataset refused, by rule."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in refused_rows(tables):
        found[row["dataset"]][row["rule"]] += row["rows"]
    return found


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay made of the rows that a dataset had refused: `waiting` = `cleared` + `refused` again.

    `refused` are those that are refused once more, and `untried` among them those that no replay tries:
    files as a whole, rows that cannot be read, and what the quarantine has not every byte of.
    """

    dataset: str
    waiting: int
    cleared: int
    untried: int = 0

    @property
    def refused(self) -> int:
        """How many are refused still."""
        return self.waiting - self.cleared

    @property
    def next_step(self) -> str | None:
        """What brings in the rows that were not tried."""
        if not self.untried:
            return None
        mend = "mend the file or its contract" if self.dataset == BRONZE_RECORD else "mend the file"
        return (
            f"{mend}, then ingest it again; `a360 quarantine show {self.dataset}` tells file, line and reason"
        )

    def to_json(self) -> dict[str, Any]:
        """The account as JSON."""
        return {**asdict(self), "refused": self.refused, "next_step": self.next_step}


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay did: the account of each dataset that had refused rows, and the steps that were run."""

    datasets: Sequence[Replayed]
    steps: Sequence[StepReport]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "datasets": [each.to_json() for each in self.datasets],
            "steps": [each.to_json() for each in self.steps],
        }


class Quarantine:
    """The refused rows of a lake."""

    def __init__(self, plan: LakePlan, tables: Tables, sealer: Sealer, opened: Opened) -> None:
        self._plan = plan
        self._tables = tables
        self._sealer = sealer
        self._opened = opened

    def list(self, dataset: str | None = None) -> builtins.list[dict[str, Any]]:
        """How many rows were refused, by dataset, source and rule, with the first and last time."""
        known = None if dataset is None else self._plan.table(dataset).dataset
        return [row for row in refused_rows(self._tables) if known in {None, row["dataset"]}]

    def show(
        self, dataset: str, *, rule: str | None = None, source: str | None = None, most: int = 20
    ) -> builtins.list[dict[str, Any]]:
        """Refused rows of a dataset, newest first, each with the `row` that names it; no payloads."""
        asked = {"rule": rule, "source": source}
        conditions = [f"{name} = {quote_text(text)}" for name, text in asked.items() if text]
        columns = 'dataset, source, file, "offset", rule, reason, known_at, commit_id'
        newest_first = f'ORDER BY known_at DESC, file, "offset", rule LIMIT {int(most)}'
        return self._select(dataset, columns, conditions, newest_first)

    def open(self, dataset: str, row: str) -> tuple[dict[str, Any], bytes]:
        """The payload of one refused row, opened; that it was is on record first, without a value.

        Raises:
            UsageError: no row, or more than one, has this name.
        """
        columns = 'dataset, source, file, "offset", rule, reason, known_at, commit_id, payload'
        found = self._select(dataset, columns, [f"{_NAME} = {quote_text(row)}"], "")
        if not found or found[0]["payload"] is None:
            raise UsageError(
                "usage",
                f"No row that {dataset} refused has this name",
                found=row[:_NAME_LENGTH],
                next_step=f"`a360 quarantine show {dataset}` lists the rows with their names",
            )
        first = found[0]
        zone, _, name = first["dataset"].partition(".")
        place = f"{ZONE}.{name}" if zone == "bronze" else first["dataset"]
        context = quarantine_context(place, first["commit_id"], first["file"], first["offset"])
        self._opened(f"{ZONE}.{name}", "payload")
        structlog.get_logger("a360.quarantine").warning(
            "quarantined payload opened",
            dataset=first["dataset"],
            row=row,
            rule=first["rule"],
            commit_id=first["commit_id"],
            by=getpass.getuser(),
        )
        payload = self._sealer.unseal(first.pop("payload"), context)
        return first, payload

    def _select(
        self, dataset: str, columns: str, conditions: Sequence[str], tail: str
    ) -> builtins.list[dict[str, Any]]:
        known = self._plan.table(dataset).dataset
        table = f"{ZONE}.{known.partition('.')[2]}"
        if self._tables.current_snapshot_id(table) is None:
            return []
        landed = ", ".join(map(quote_text, sorted(landed_batches(self._tables, known)))) or "''"
        where = [f"dataset = {quote_text(known)}", f"commit_id IN ({landed})", *conditions]
        sql = f"SELECT {_NAME} AS row, {columns} FROM {quote_table(table)} WHERE {' AND '.join(where)} {tail}"
        rows: builtins.list[dict[str, Any]] = self._tables.session.sql(sql).to_pylist()
        return rows


def replay(
    context: RefineContext,
    record: RunRecord,
    datasets: Sequence[str],
    ingest_again: Callable[[], Sequence["IngestReplay"]],
    progress: Progress | None = None,
) -> ReplayReport:
    """Try what datasets have refused once more, none named means all, and bring the lake up to date with it.

    `ingest_again` tries what ingest has refused.

    Raises:
        UsageError: `unknown-dataset`.
    """
    wanted = {context.plan.table(dataset).dataset for dataset in datasets}
    from a360.ingest import is_replayed  # noqa: PLC0415 -- most commands do not ingest

    waiting: Counter[str] = Counter()
    untried: Counter[str] = Counter()
    for row in refused_rows(context.tables):
        if not wanted or row["dataset"] in wanted:
            waiting[row["dataset"]] += row["rows"]
            untried[row["dataset"]] += 0 if is_replayed(row["dataset"], row["rule"]) else row["rows"]
    cleared: Counter[str] = Counter()
    steps: list[StepReport] = []
    if waiting[BRONZE_RESOURCE] or waiting[BRONZE_RECORD]:
        for replayed in ingest_again():
            cleared[replayed.report.dataset] += replayed.cleared
            for report in (replayed.report, *replayed.beside):
                steps.append(report)
                record.add(report)
        context.session.refresh()

    def told(outcome: StepOutcome) -> None:
        steps.append(outcome.report)
        cleared[outcome.report.dataset] += outcome.cleared
        record.add(outcome.report, outcome.upstream, outcome.quality)

    if waiting:
        every = selected_steps(context.plan, ())
        result = refine(context, every, again=set(waiting), progress=progress, on_outcome=told)
        record.quality.extend(result.references)
    accounts = [
        Replayed(name, rows, cleared[name], untried[name]) for name, rows in sorted(waiting.items()) if rows
    ]
    return ReplayReport(accounts, steps)
