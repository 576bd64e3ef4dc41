"""Records that tell of several patients: which of them may be handed out to one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from a360.contract import LakePlan, SilverStep, quote_name, quote_table
from a360.protect import domains
from a360.table import Tables

type _Place = tuple[str, str, tuple[str, ...]]


def told_of_others(
    plan: LakePlan, tables: Tables, rows: Iterable[Mapping[str, Any]], relation: str
) -> set[tuple[str, str, str]]:
    """Source, kind and id of the records that may name somebody else.

    Only of kinds that can name several patients, and unless silver has the record and nobody else in it: what
    silver refused tells nobody whom it names.
    """
    waiting: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in rows:
        waiting[row["kind"]].add((row["source"], row["id"]))
    found = set()
    for kind, places in _places(plan).items():
        named = waiting.get(kind)
        if not named or sum(len(columns) for *_, columns in places) == 1:
            continue
        clear = set.intersection(*(_of_theirs(tables, place, relation) for place in places))
        found |= {(source, kind, each) for source, each in named - clear}
    return found


def _places(plan: LakePlan) -> Mapping[str, list[_Place]]:
    """By kind of record: the datasets of it that name patients, their key, the columns that name them."""
    found: dict[str, list[_Place]] = defaultdict(list)
    for step in plan.steps:
        if isinstance(step, SilverStep) and step.records:
            columns = [
                each.name for each in plan.table(step.dataset).columns if each.token == domains.PATIENT
            ]
            if columns:
                found[step.records.record].append((step.dataset, step.records.id_column, tuple(columns)))
    return found


def _of_theirs(tables: Tables, place: _Place, relation: str) -> set[tuple[str, str]]:
    """Source and key of the rows in which no patient is anybody else."""
    dataset, key, columns = place
    if tables.current_snapshot_id(dataset) is None:
        return set()
    mine = [f"{quote_name(each)} IN (SELECT patient_key FROM {relation})" for each in columns]
    theirs = " AND ".join(
        f"({quote_name(each)} IS NULL OR {own})" for each, own in zip(columns, mine, strict=True)
    )
    named = " OR ".join(mine)
    rows = tables.session.sql(
        f"SELECT source, {quote_name(key)} AS id FROM {quote_table(dataset)} "
        f"GROUP BY ALL HAVING bool_and({theirs}) AND bool_or({named})"
    )
    return set(zip(rows["source"].to_pylist(), rows["id"].to_pylist(), strict=True))
