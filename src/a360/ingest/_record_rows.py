"""From records as lines of JSON to their envelopes: what names them, when they changed, if they are gone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from a360.contract import FieldPlan, ReceptionPlan, quote_text
from a360.ingest._envelope import Identity
from a360.ingest._extract import run_over
from a360.ingest._kept_record import KeptRecord
from a360.ingest._rows import Bytes, Ints
from a360.ingest._rules import Refused, Rule
from a360.ingest._worked import Worked
from a360.records import MISSHAPEN, UNREAD, compile_mapping

DOMAIN: Final = "record"
"""Token domain of a record's key, made from `source|type|key`."""

_INSTANT: Final = pa.timestamp("us", tz="UTC")

ENVELOPE: Final = pa.schema(
    [
        ("record_type", pa.string()),
        ("record_id", pa.string()),
        ("version_id", pa.string()),
        ("last_updated", _INSTANT),
        ("event_time", _INSTANT),
        ("content_hash", pa.string()),
        ("deleted", pa.bool_()),
        ("line", pa.int64()),
    ]
)


@dataclass(slots=True)
class Lines:
    """Records of one file: their payloads as spans of a text, a newline behind each, and where they stood.

    `line` is 0 where the format has no lines.
    """

    file: int
    payloads: pa.Array
    text: Bytes
    starts: Ints
    ends: Ints
    offset: Ints
    line: Ints

    def __len__(self) -> int:
        return len(self.starts)

    def refused(self, place: int, record_type: str, rule: Rule, reason: str) -> Refused:
        """Why one of the records does not land; it is kept as it is, to be tried again."""
        line, offset = int(self.line[place]), int(self.offset[place])
        where = f"line {line}" if line else f"record {offset + 1}"
        payload = self.text[self.starts[place] : self.ends[place]].tobytes()
        kept = KeptRecord(record_type, line, msgspec.Raw(payload))
        return Refused(self.file, offset, rule, f"{where}: {reason}", kept.sealable())


def lines_of(payloads: pa.Array, file: int, offset: Ints, line: Ints) -> Lines:
    """Records whose payloads are strings that end with a newline each."""
    places = np.frombuffer(payloads.buffers()[1], dtype=np.int32)[payloads.offset :][: len(payloads) + 1]
    ends = places.astype(np.int64)
    text = np.frombuffer(payloads.buffers()[2] or b"", dtype=np.uint8)
    return Lines(file, payloads, text, ends[:-1], ends[1:] - 1, offset, line)


def envelope_of(  # noqa: PLR0913 - the columns of an envelope
    record_type: str,
    record_id: pa.Array,
    content_hash: pa.Array,
    *,
    version_id: pa.Array | None = None,
    last_updated: pa.Array | None = None,
    event_time: pa.Array | None = None,
    deleted: pa.Array | None = None,
    line: Ints | None = None,
) -> pa.Table:
    """The envelopes of records of one type, as `ENVELOPE` has them; what is not given is null or false."""
    count = len(record_id)
    lines = np.zeros(count, dtype=np.int64) if line is None else line
    columns = [
        pa.repeat(pa.scalar(record_type), count),
        record_id,
        pa.nulls(count, pa.string()) if version_id is None else version_id,
        pa.nulls(count, _INSTANT) if last_updated is None else last_updated,
        pa.nulls(count, _INSTANT) if event_time is None else event_time,
        content_hash,
        pa.repeat(pa.scalar(value=False), count) if deleted is None else deleted,
        pa.array(lines, mask=lines == 0),
    ]
    return pa.table(columns, schema=ENVELOPE)


def record_tokens(identity: Identity, record_type: str, ids: pa.Array) -> pa.Array:
    """The keys of records that identify people."""
    scoped = pc.binary_join_element_wise(pa.scalar(f"{identity.source}|{record_type}"), ids, "|")
    return identity.tokenizer.tokens(DOMAIN, scoped)


def worked_records(
    lines: Lines,
    reception: ReceptionPlan,
    identity: Identity,
    *,
    files: int,
    read: int,
    filtered: int = 0,
    refused: Sequence[Refused] = (),
) -> Worked:
    """What lands of a portion of one file; `read` is counted at the input, `refused` were left out before.

    Records without a key, or whose times cannot be read, are refused.
    """
    told = _told(reception, lines)
    faults, good = _faults(reception, told), np.ones(len(lines), dtype=np.bool_)
    good[list(faults)] = False
    mask = pa.array(good)
    told = told.filter(mask)
    ids = told["id"].combine_chunks()
    if reception.identifier:
        ids = record_tokens(identity, reception.name, ids)
    # Arrow filters no views of texts.
    payloads = lines.payloads if good.all() else lines.payloads.cast(pa.large_string()).filter(mask)
    envelope = envelope_of(
        reception.name,
        ids,
        identity.tokenizer.digests(payloads),
        last_updated=told["updated"].combine_chunks(),
        event_time=told["event_time"].combine_chunks(),
        deleted=told["deleted"].combine_chunks(),
        line=lines.line[good],
    )
    return Worked(
        envelope,
        np.flatnonzero(good),
        np.full(len(envelope), lines.file),
        lines.offset[good],
        lines.text,
        lines.starts,
        lines.ends,
        _counted(lines.file, files, read),
        _counted(lines.file, files, filtered),
        [*refused, *(lines.refused(at, reception.name, *fault) for at, fault in sorted(faults.items()))],
    )


def _counted(file: int, files: int, count: int) -> Ints:
    counts = np.zeros(files, dtype=np.int64)
    counts[file] = count
    return counts


def _told(reception: ReceptionPlan, lines: Lines) -> pa.Table:
    return run_over(_query(reception), payload=lines.payloads, row=np.arange(len(lines)))


def _faults(reception: ReceptionPlan, told: pa.Table) -> dict[int, tuple[Rule, str]]:
    """Why records are refused, by their place."""
    found: dict[int, tuple[Rule, str]] = {}

    def where(mask: pa.ChunkedArray, rule: Rule, reason: str) -> None:
        for place in np.flatnonzero(np.asarray(mask)).tolist():
            found.setdefault(place, (rule, reason))

    key = ", ".join(field.names[0] for field in reception.key)
    where(told["misshapen"], Rule.MISSHAPEN, "a list or an object stands where a value should")
    where(pc.is_null(told["id"]), Rule.MISSING_KEY, f"it has no {key}, which names the record")
    for name, field in (("updated", reception.updated), ("event_time", reception.event_time)):
        if field is not None:
            reason = f"{field.names[0]} is no time, or a local one of no zone"
            where(told[f"{name}_unread"], Rule.UNREADABLE_TIME, reason)
    if reception.event_time is not None:
        what = reception.event_time.names[0]
        where(
            pc.is_null(told["event_time"]),
            Rule.MISSING_TIME,
            f"it has no {what}, which says when it happened",
        )
    return found


@lru_cache(maxsize=64)
def _query(reception: ReceptionPlan) -> str:
    """SQL that takes key, times and deletion out of payloads; in order, as one thread reads them."""
    fields = [replace(field, column=f"key{at}", reference=None) for at, field in enumerate(reception.key)]
    named = {"updated": reception.updated, "event_time": reception.event_time, "gone": reception.deleted}
    fields += [replace(field, column=name, reference=None) for name, field in named.items() if field]
    mapping = compile_mapping(reception.record, source="texts", carry=("row",), fields=fields)
    gone = ", ".join(map(quote_text, reception.deleted_values))
    when_it_happened = _instant("event_time", reception.event_time)
    changed = _instant("updated", reception.updated)
    # Of events that come again, the one that happened last stands, whatever the order they came in.
    ordered = changed if reception.updated else when_it_happened
    columns = {
        "id": _joined([f"key{at}" for at in range(len(reception.key))]),
        "updated": ordered,
        "updated_unread": f"updated IS NOT NULL AND {changed} IS NULL" if reception.updated else "FALSE",
        "event_time": when_it_happened,
        "event_time_unread": f"event_time IS NOT NULL AND {when_it_happened} IS NULL"
        if reception.event_time
        else "FALSE",
        "deleted": f"coalesce(gone IN ({gone}), FALSE)" if reception.deleted and gone else "FALSE",
        "misshapen": f'"{MISSHAPEN}" IS NOT NULL' if mapping.has_shape else "FALSE",
    }
    listed = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"SELECT {listed} FROM ({mapping.sql})"


def _instant(column: str, field: FieldPlan | None) -> str:
    if field is None:
        return "NULL::TIMESTAMPTZ"
    return f"CASE WHEN NOT starts_with({column}, '{UNREAD}') THEN TRY_CAST({column} AS TIMESTAMPTZ) END"


def _joined(keys: Sequence[str]) -> str:
    """The key as one text, null where a part of it is missing; `|` within a part is escaped."""
    if len(keys) == 1:
        return keys[0]
    escaped = [rf"replace(replace({key}, '\', '\\'), '|', '\|')" for key in keys]
    return " || '|' || ".join(escaped)
