"""Whether what came of a patient has come into every table: until then, rows may be somebody else's."""

from collections.abc import Iterator, Sequence
from typing import Final

from a360.contract import GoldStep, Held, LakePlan, SilverStep, quote_table, quote_text
from a360.table import Tables
from a360.trust.rights._envelopes import KINDS, RECORDS, RESOURCES, units_sql

NOTES: Final = "silver.note"
NOTES_READ: Final = "gold.note_deidentified"


def behind(plan: LakePlan, tables: Tables, reach: Sequence[Held], relation: str) -> list[str]:
    """The datasets that stand on an older state of what came of some patients."""
    found = {*_silver(plan, tables, reach, relation), *_gold(plan, tables, reach)}
    if {NOTES, NOTES_READ} <= {each.dataset for each in reach} and _notes_differ(tables, relation):
        found.add(NOTES_READ)
    return sorted(found)


def _silver(plan: LakePlan, tables: Tables, reach: Sequence[Held], relation: str) -> Iterator[str]:
    """Those whose step has not read a version of a resource or record of theirs."""
    envelopes = {held.dataset: held for held in reach if held.dataset in KINDS}
    held = {each.dataset for each in reach}
    for step in plan.steps:
        if not isinstance(step, SilverStep) or step.dataset not in held:
            continue
        bronze = RECORDS if step.records else RESOURCES
        if bronze not in envelopes:
            continue
        kind, key = KINDS[bronze]
        kinds = [step.records.record] if step.records else step.resource_types
        units = units_sql(envelopes[bronze], relation)
        found = (
            f"SELECT count(*) AS n FROM {quote_table(bronze)} WHERE {kind} IN ({_listed(kinds)}) "
            f"AND (source, {kind}, {key}) IN ({units})"
        )
        if _any_since(tables, step.dataset, bronze, found):
            yield step.dataset


def _gold(plan: LakePlan, tables: Tables, reach: Sequence[Held]) -> Iterator[str]:
    """Those made of anything older than what their upstream datasets hold now, whoever the change was about.

    Of a row that moved to somebody else, upstream no longer says whose it was.
    """
    waiting = {held.dataset for held in reach}
    steps = {step.dataset: step for step in plan.steps if isinstance(step, GoldStep)}
    seen: set[str] = set()
    while waiting:
        step = steps.get(waiting.pop())
        if step is None or step.dataset in seen:
            continue
        seen.add(step.dataset)
        waiting |= {*step.upstream}
        if tables.current_snapshot_id(step.dataset) is None:
            continue
        stood = tables.standing_stamp(step.dataset)[0]
        if any(_moved_on(tables, each, stood.get(each)) for each in step.upstream):
            yield step.dataset


def _notes_differ(tables: Tables, relation: str) -> bool:
    """Whether what was made of their notes, which no run does, is of other texts or other people's now."""
    theirs = f"patient_key IN (SELECT patient_key FROM {relation})"
    columns = "source, note_id, patient_key, text_hash"
    note = f"SELECT {columns} FROM {quote_table(NOTES)} WHERE NOT deleted AND text IS NOT NULL AND {theirs}"
    read = f"SELECT {columns} FROM {quote_table(NOTES_READ)} WHERE {theirs}"
    differing = f"({note} EXCEPT {read}) UNION ALL ({read} EXCEPT {note})"
    return bool(tables.session.sql(f"SELECT count(*) AS n FROM ({differing})")["n"][0].as_py())


def _moved_on(tables: Tables, upstream: str, stood: str | None) -> bool:
    """Whether a dataset has other rows than at a snapshot; the same rows in other files are no change."""
    current = tables.current_snapshot_id(upstream)
    if current is None or current == stood:
        return False
    return stood is None or tables.commits_since(upstream, stood, recorded=True) != []


def _any_since(tables: Tables, dataset: str, upstream: str, sql: str) -> bool:
    """Whether rows of an upstream dataset came after its state on which a dataset stands."""
    stood = tables.standing_stamp(dataset)[0].get(upstream)
    if stood is None or stood == tables.current_snapshot_id(upstream):
        return False
    commits = tables.commits_since(upstream, stood, recorded=True)
    if not commits:
        return commits is None
    [found] = tables.session.sql(f"{sql} AND commit_id IN ({_listed(commits)})")["n"].to_pylist()
    return bool(found)


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(map(quote_text, texts)) or "NULL"
