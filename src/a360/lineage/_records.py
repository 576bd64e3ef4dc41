"""What silver datasets of records are made from: fields of extracts and events, and what bronze says."""

from collections.abc import Iterable, Iterator

from a360.contract import HISTORY_COLUMN, FieldPlan, LakePlan, ReceptionPlan, RecordPlan
from a360.lineage._model import RECORD, DatasetLineage, Field, Inputs, Use, united

BRONZE = "bronze.record"
_TABLES = (BRONZE, "bronze.record_block")
_COPIED = ("source", "version_id", "last_updated", "known_at", "deleted")
_VERSIONS = ("record_id", "version_id", "last_updated", "known_at")


def field_inputs(plan: LakePlan, record: RecordPlan, column: str) -> Inputs:
    """What the value of a column is made of: a field of the record, as it is or read and resolved."""
    if column == record.id_column:
        names = map(_name, plan.reception(record.record).key)
        return {Field(BRONZE, f"{record.record}.{each}"): frozenset({Use.TRANSFORMATION}) for each in names}
    for field in record.fields:
        if field.column == column:
            as_is = field.type == "string" and field.reference is None
            use = Use.IDENTITY if as_is else Use.TRANSFORMATION
            return {Field(BRONZE, f"{record.record}.{_name(field)}"): frozenset({use})}
    return {}


def envelope_inputs(column: str) -> Inputs:
    """What refine takes from the envelope of a record into a column of the same name."""
    if column in _COPIED:
        return {Field(BRONZE, column): frozenset({Use.IDENTITY})}
    if column == HISTORY_COLUMN[0]:
        return {Field(BRONZE, name): frozenset({Use.WINDOW}) for name in _VERSIONS}
    return {}


def row_inputs() -> Inputs:
    """Which rows there are: those of each record's newest version."""
    return {Field(BRONZE, name): frozenset({Use.FILTER}) for name in ("record_type", "source", *_VERSIONS)}


def record_bronze(plan: LakePlan, silver: Iterable[DatasetLineage]) -> Iterator[DatasetLineage]:
    """Bronze holds each field that silver reads as it was received, and columns drawn from some."""
    inputs = (each for lineage in silver for each in (*lineage.columns.values(), lineage.rows))
    wanted = {each.column for found in inputs for each in found if each.dataset == BRONZE}
    fields = sorted(name for name in wanted if "." in name)
    upstream = tuple(f"{RECORD}.{reception.name}" for reception in plan.receptions)
    drawn = [_drawn_from(reception) for reception in plan.receptions]
    for table in plan.tables:
        if table.dataset in _TABLES:
            columns = {name: united(each.get(name, {}) for each in drawn) for name in table.column_names}
            sent = {name: _sent(name) for name in fields} if table.dataset == BRONZE else {}
            yield DatasetLineage(table.dataset, columns | sent, upstream=upstream)


def _drawn_from(reception: ReceptionPlan) -> dict[str, Inputs]:
    """The columns of the envelope that ingest draws from fields of a record."""
    named = {
        "record_id": reception.key,
        "last_updated": (reception.updated,),
        "event_time": (reception.event_time,),
        "deleted": (reception.deleted,),
    }
    return {
        column: {
            Field(f"{RECORD}.{reception.name}", _name(field)): frozenset({Use.TRANSFORMATION})
            for field in fields
            if field is not None
        }
        for column, fields in named.items()
    }


def _name(field: FieldPlan) -> str:
    return ".".join(field.path) or field.names[0]


def _sent(name: str) -> Inputs:
    record, _, field = name.partition(".")
    return {Field(f"{RECORD}.{record}", field): frozenset({Use.IDENTITY})}
