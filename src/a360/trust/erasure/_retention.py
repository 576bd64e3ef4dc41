"""Retention: rows that are older than their contract keeps them, found so that they go as a patient's do."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from a360.contract import LakePlan, SilverStep, TablePlan, quote_name, quote_table, quote_text
from a360.trust.erasure._find import ATTACHMENTS, RECORDS, RESOURCES, Finder
from a360.trust.erasure._gathering import PLACE, PLACE_SQL, PLACED, Gathering
from a360.trust.erasure._journal import Found
from a360.trust.erasure._sealed import BLOCKS

_PERIOD: Final = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
# When the lake learned of a row; of its own accounts, when what they tell of began.
_TIMES: Final = ("known_at", "event_time", "started_at")


def age_limit(period: str, now: datetime) -> datetime:
    """The time before which is too old; calendar years and months are of their average length."""
    told = _PERIOD.fullmatch(period)
    years, months, weeks, days = (int(each or 0) for each in told.groups()) if told else (0, 0, 0, 0)
    return now - timedelta(days=365.25 * years + 30.44 * months + 7 * weeks + days)


def aged(
    plan: LakePlan, holds: Iterable[str], now: datetime, exists: Mapping[str, str | None]
) -> dict[str, str]:
    """Conditions for the rows of each dataset that are older than it keeps them.

    Rows of patients on `holds` stay, and so do all refused rows while there are any: nobody knows whose they
    are. `exists` has for each dataset that is there the condition for the rows of those patients, if any.
    """
    any_held = bool(list(holds))
    found = {}
    for table in plan.tables:
        time = next((each for each in _TIMES if each in table.column_names), None)
        if table.retention.rows is None or time is None or table.dataset not in exists:
            continue
        if any_held and table.namespace == "quarantine":
            continue
        limit = age_limit(table.retention.rows, now).astimezone(UTC).isoformat()
        condition = f"{quote_name(time)} < TIMESTAMPTZ {quote_text(limit)}"
        held = exists[table.dataset]
        found[table.dataset] = f"{condition} AND ({held}) IS NOT TRUE" if held else condition
    return found


def find_aged(finder: Finder, conditions: Mapping[str, str]) -> Found:
    """All that goes with rows for which conditions hold."""
    with finder.keys([]) as keys:
        return _AgedSearch(finder, keys, set()).aged(conditions)


class _AgedSearch(Gathering):
    """Finds what goes with rows that are too old: the lines they were made of, and files beside them."""

    def __init__(self, finder: Finder, keys: str, patients: set[str]) -> None:
        super().__init__(finder, keys, patients)
        # Conditions for the records of which silver has rows that are not too old.
        self._staying: list[str] = []

    def aged(self, conditions: Mapping[str, str]) -> Found:
        """All that goes where conditions hold."""
        for dataset, where in conditions.items():
            counted = self.session.sql(f"SELECT count(*) AS n FROM {quote_table(dataset)} WHERE {where}")
            if rows := int(counted["n"][0].as_py()):
                self.result.rows[dataset] = rows
        for dataset in BLOCKS:
            if self.finder.holds(dataset):
                self._take_units(dataset, conditions)
        if self.finder.holds(RESOURCES):
            self._take_rowless()
        self.take_companions()
        self.settle_lines()
        every = [row for rows in self.going.values() for row in rows.values()]
        self.result.contents = sorted({row["content_hash"] for row in every if row["content_hash"]})
        self.settle_files()
        self.settle_objects(conditions.get(ATTACHMENTS, "FALSE"))
        self.settle_keys({}, conditions)
        return self.result

    def places(self) -> set[tuple[Any, ...]]:
        """Those of which nothing of anybody stays: a message may be of somebody on hold as well."""
        with self.registered(super().places(), PLACE) as relation:
            among = f"{PLACE_SQL} IN (SELECT {PLACED} FROM {relation})"
            came = self.envelopes(RESOURCES, f"{among} AND subject_token IS NOT NULL")
            stays = " OR ".join(f"({each})" for each in self._staying) or "FALSE"
            young = self.envelopes(RECORDS, f"{among} AND ({stays})")
        known = self.going[RESOURCES]
        stay = [*(row for row in came if (row["commit_id"], row["arrival"]) not in known), *young]
        return super().places() - {tuple(row[name] for name in PLACE) for row in stay}

    def _take_rowless(self) -> None:
        """What silver has no row of, and which so has no age, goes with the message that it came in."""
        of_kinds = " OR ".join(
            f"resource_type = {quote_text(kind)} AND (source, resource_id) IN "
            f"({_selected(tables, dict.fromkeys((each.dataset for each, _ in tables), 'TRUE'))})"
            for kind, tables in self._made(RESOURCES).items()
        )
        with self.registered(self.places(), PLACE) as relation:
            came = f"{PLACE_SQL} IN (SELECT {PLACED} FROM {relation})"
            rowless = f"subject_token IS NULL AND ({of_kinds or 'FALSE'}) IS NOT TRUE"
            for row in self.envelopes(RESOURCES, f"{came} AND {rowless}"):
                self.going[RESOURCES][row["commit_id"], row["arrival"]] = row

    def _take_units(self, dataset: str, conditions: Mapping[str, str]) -> None:
        """Every version of resources or records of which all that silver has is too old."""
        kind, key = ("resource_type", "resource_id") if dataset == RESOURCES else ("record_type", "record_id")
        for name, tables in self._made(dataset).items():
            young = _selected(
                tables,
                {
                    each.dataset: f"({conditions[each.dataset]}) IS NOT TRUE"
                    if each.dataset in conditions
                    else "TRUE"
                    for each, _ in tables
                },
            )
            if dataset == RECORDS:
                self._staying.append(f"{kind} = {quote_text(name)} AND (source, {key}) IN ({young})")
            if not any(table.dataset in self.result.rows for table, _ in tables):
                continue
            old = _selected(
                tables, {each.dataset: conditions.get(each.dataset, "FALSE") for each, _ in tables}
            )
            where = (
                f"{kind} = {quote_text(name)} AND (source, {key}) IN ({old}) "
                f"AND (source, {key}) NOT IN ({young})"
            )
            for row in self.envelopes(dataset, where):
                self.going[dataset][row["commit_id"], row["arrival"]] = row

    def _made(self, dataset: str) -> Mapping[str, Sequence[tuple[TablePlan, str]]]:
        """By each type of resource or record, the silver tables made of it, and what names it there."""
        made: dict[str, list[tuple[TablePlan, str]]] = {}
        for step in self.plan.steps:
            name = _kind_of(step, dataset) if isinstance(step, SilverStep) else None
            table = self.plan.table(step.dataset)
            column = _id_column(step, table) if isinstance(step, SilverStep) else None
            if name and column and self.finder.holds(step.dataset):
                made.setdefault(name, []).append((table, column))
        return made


def _selected(tables: Sequence[tuple[TablePlan, str]], where: Mapping[str, str]) -> str:
    return " UNION ALL ".join(
        f"SELECT source, {quote_name(column)} FROM {quote_table(table.dataset)} WHERE {where[table.dataset]}"
        for table, column in tables
    )


def _kind_of(step: SilverStep, dataset: str) -> str | None:
    if dataset == RECORDS:
        return step.records.record if step.records else None
    return step.resource_type


def _id_column(step: SilverStep, table: TablePlan) -> str | None:
    """The column by which a row names what it was made of; a patient's is their key."""
    if step.records:
        return step.records.id_column
    if table.key == ("patient_key",):
        return "patient_key"
    return (
        table.key[1]
        if table.key[:1] == ("source",) and len(table.key) > 1 and table.key[1] != "resource_type"
        else None
    )
