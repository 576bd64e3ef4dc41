"""Time travel: which snapshots a query reads, and which of their columns the policy of now speaks of."""

from collections.abc import Mapping

from pyiceberg.table import Table

from a360.errors import UsageError
from a360.table import Tables, moment, pins
from a360.trust.gate import LakeQuery, Source

type Moments = Mapping[Source, str | None]
"""The snapshot of each source that is not read as it is now; None for one that held nothing."""

type Visible = Mapping[str, tuple[str, ...]]
"""The columns that show, by dataset."""


def moments(tables: Tables, query: LakeQuery, at: str | None) -> Moments:
    """The snapshot of each source that a query, or who asks it, wants to see as it was.

    Raises:
        UsageError: the moment cannot be reached, or is said twice.
    """
    if at is None:
        return {source: _snapshot(tables, source) for source in query.sources if source.at is not None}
    query.require_no_time()
    then = pins(tables, moment(at), query.tables)
    return {source: then[source.dataset] for source in query.sources}


def still_there(tables: Tables, when: Moments, visible: Visible) -> Visible:
    """The columns that show at every moment that is read.

    The policy of now speaks of the columns of now. A column of old that had the same name and was another, as
    its field id tells, is none of them.
    """
    narrowed = dict(visible)
    for source, snapshot_id in when.items():
        if snapshot_id is not None:
            same = _same_columns(tables.load(source.dataset), snapshot_id)
            narrowed[source.dataset] = tuple(each for each in narrowed[source.dataset] if each in same)
    return narrowed


def _snapshot(tables: Tables, source: Source) -> str | None:
    travel = source.at
    if travel is None or travel.snapshot_id is None:
        then = moment(travel.time if travel and travel.time else "")
        if then.time is None:
            raise UsageError("usage", "A query's AT (TIMESTAMP => …) takes a time", found=then.text[:64])
        return tables.as_of(source.dataset, then.time)
    known = tables.load(source.dataset).metadata.snapshot_by_id(int(travel.snapshot_id))
    if known is None:
        raise UsageError(
            "unknown-table",
            f"{source.dataset} has no snapshot {travel.snapshot_id}",
            next_step=f"`a360 history {source.dataset}` lists the snapshots that are retained",
        )
    return travel.snapshot_id


def _same_columns(table: Table, snapshot_id: str) -> frozenset[str]:
    """The columns that a snapshot had under the name and the field id of now."""
    snapshot = table.metadata.snapshot_by_id(int(snapshot_id))
    schemas = {schema.schema_id: schema for schema in table.metadata.schemas}
    if snapshot is None or snapshot.schema_id not in schemas:
        return frozenset()
    now = {field.name: field.field_id for field in table.schema().fields}
    then = schemas[snapshot.schema_id].fields
    return frozenset(field.name for field in then if now.get(field.name) == field.field_id)
