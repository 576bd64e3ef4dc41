"""How refused input of each form is tried again: resources, messages, and rows of extracts and events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
import pyarrow as pa

from a360.contract import ReceptionPlan
from a360.hl7v2 import Options
from a360.ingest._bundle import Found, Unit, expand, one_line
from a360.ingest._committed import FHIR, RECORDS, Ground
from a360.ingest._decode import decode_heads
from a360.ingest._envelope import Identity
from a360.ingest._hl7v2 import Hl7v2Reading, MessagePortion
from a360.ingest._hl7v2_text import RawMessage
from a360.ingest._inflow import Inflow
from a360.ingest._inputs import Input
from a360.ingest._kept_record import KeptRecord
from a360.ingest._limits import Limits
from a360.ingest._pictures import pictures_of
from a360.ingest._record_rows import ENVELOPE, lines_of, worked_records
from a360.ingest._refusals import Row
from a360.ingest._rows import Ints
from a360.ingest._rules import OF_MESSAGES, OF_RESOURCES, OF_ROWS, Refused, Rule
from a360.ingest._work import Portion, work
from a360.ingest._worked import Worked

_OF_ENTRIES: Final = frozenset({Rule.INVALID_BUNDLE, Rule.INVALID_DELETE})
_ENTRIES: Final = (b'{"entry":[', b"]}")
_WHITE: Final = b" \t\r\n"


class Way(Protocol):
    """How input of a form is tried again: what it becomes, each row as a file of its own."""

    @property
    def kind(self) -> str:
        """The kind of data, as batches of it are told."""
        ...

    @property
    def rules(self) -> frozenset[Rule]:
        """By which rules it was refused."""
        ...

    def grounds(self, inflow: Inflow) -> tuple[Ground, ...]:
        """Where it lands; its units are counted, and were refused, on the first."""
        ...

    def attempt(
        self,
        inflow: Inflow,
        commit_id: str,
        rows: Sequence[Row],
        files: Sequence[Input],
        texts: Sequence[bytes],
    ) -> tuple[Worked, ...]:
        """What rows become on each ground."""
        ...


class Resources:
    """FHIR resources, Bundles, and entries of Bundles."""

    kind = "fhir"
    rules = OF_RESOURCES

    def grounds(self, inflow: Inflow) -> tuple[Ground, ...]:
        """Resources, and pictures that are taken out of them."""
        return (FHIR,) if inflow.objects is None else (FHIR, RECORDS)

    def attempt(
        self,
        inflow: Inflow,
        commit_id: str,
        rows: Sequence[Row],
        files: Sequence[Input],
        texts: Sequence[bytes],
    ) -> tuple[Worked, ...]:
        """Resources and deletions, and what is told of their pictures."""
        units = [
            unit
            for place, (row, text) in enumerate(zip(rows, texts, strict=True))
            for unit in _units(place, row, text, inflow.limits)
        ]
        identity = Identity(inflow.tokenizer, inflow.source)
        worked = work(Portion((), tuple(units)), files, identity, inflow.limits)
        pictures = pictures_of(inflow, commit_id)
        return (worked,) if pictures is None else (worked, pictures.take(worked))


def _units(place: int, row: Row, payload: bytes, limits: Limits) -> Iterator[Unit]:
    """The units of a refused payload: a resource, a Bundle, or one entry of a Bundle."""
    offset = row["offset"]
    heads, faults = decode_heads([payload])
    head = heads[0]
    if row["rule"] in _OF_ENTRIES and (head is None or head.resource_type != "Bundle"):
        before, after = _ENTRIES
        yield from expand(place, offset - len(before), before + payload + after)
    elif head is None:
        yield Refused(place, offset, faults[0].rule, faults[0].reason, b"")
    elif head.resource_type == "Bundle":
        yield from expand(place, offset, payload)
    elif len(payload) > limits.line_bytes:
        yield Refused(place, offset, Rule.TOO_LONG, "longer than a resource may be", b"")
    else:
        yield Found(place, offset, one_line(payload).strip(_WHITE), head)


class Messages:
    """HL7 v2 messages."""

    kind = Hl7v2Reading.kind
    rules = OF_MESSAGES

    def __init__(self, options: Options) -> None:
        self._options = options

    def grounds(self, _: Inflow) -> tuple[Ground, ...]:
        """Messages, and what they become."""
        return Hl7v2Reading.grounds

    def attempt(
        self,
        inflow: Inflow,
        commit_id: str,
        rows: Sequence[Row],
        files: Sequence[Input],
        texts: Sequence[bytes],
    ) -> tuple[Worked, ...]:
        """Messages that can be converted by now, and their resources."""
        identity, pictures = Identity(inflow.tokenizer, inflow.source), pictures_of(inflow, commit_id)
        reading = Hl7v2Reading(files, identity, inflow.limits, self._options, pictures)
        messages = (
            RawMessage(place, row["offset"], text)
            for place, (row, text) in enumerate(zip(rows, texts, strict=True))
        )
        return reading.work(MessagePortion(tuple(messages), ()))


class Rows:
    """Rows of extracts and events."""

    kind = "records"
    rules = OF_ROWS

    def __init__(self, receptions: Sequence[ReceptionPlan]) -> None:
        self._receptions: Mapping[str, ReceptionPlan] = {each.name: each for each in receptions}

    def grounds(self, _: Inflow) -> tuple[Ground, ...]:
        """Records."""
        return (RECORDS,)

    def attempt(
        self,
        inflow: Inflow,
        commit_id: str,  # noqa: ARG002 - one signature for all
        rows: Sequence[Row],
        files: Sequence[Input],  # noqa: ARG002 - likewise
        texts: Sequence[bytes],
    ) -> tuple[Worked, ...]:
        """Records that their contracts accept by now."""
        identity = Identity(inflow.tokenizer, inflow.source)
        kept = [KeptRecord.of(text) for text in texts]
        types = [each.record_type if each else None for each in kept]
        parts = [
            _accepted(
                [(place, each) for place, each in enumerate(kept) if each and each.record_type == name],
                self._receptions[name],
                identity,
                rows,
            )
            for name in sorted(self._receptions.keys() & set(types))
        ]
        unknown = [place for place, name in enumerate(types) if name not in self._receptions]
        return (_merged(parts, unknown, rows),)


def _accepted(
    kept: Sequence[tuple[int, KeptRecord]],
    reception: ReceptionPlan,
    identity: Identity,
    rows: Sequence[Row],
) -> Worked:
    """What lands of records of one type, each told by its place among the rows."""
    at = np.array([place for place, _ in kept], dtype=np.int64)
    payloads = pa.array([bytes(each.record).decode() + "\n" for _, each in kept], pa.string())
    line = np.array([each.line for _, each in kept], dtype=np.int64)
    # The offset is the place here: what is refused tells it.
    lines = lines_of(payloads, 0, np.arange(len(kept)), line)
    worked = worked_records(lines, reception, identity, files=1, read=len(kept))
    worked.file = at[worked.row]
    worked.offset = np.array([rows[place]["offset"] for place in worked.file], dtype=np.int64)
    worked.refused = [replace(each, file=int(at[each.offset])) for each in worked.refused]
    worked.read = np.bincount(at, minlength=len(rows))
    return worked


def _merged(parts: Sequence[Worked], unknown: Sequence[int], rows: Sequence[Row]) -> Worked:
    """Records of several types as one; `unknown` are places of what no contract knows."""
    reason = "no contract knows such records"
    refused = [Refused(place, 0, Rule(rows[place]["rule"]), reason, b"") for place in unknown]
    nowhere = np.bincount(np.array(unknown, dtype=np.int64), minlength=len(rows))
    texts = np.cumsum([0, *(len(each.text) for each in parts)])
    spans = np.cumsum([0, *(len(each.starts) for each in parts)])
    return Worked(
        pa.concat_tables([ENVELOPE.empty_table(), *(each.envelope for each in parts)]),
        _concat([each.row + more for each, more in zip(parts, spans, strict=False)]),
        _concat([each.file for each in parts]),
        _concat([each.offset for each in parts]),
        np.concatenate([np.zeros(0, dtype=np.uint8), *(each.text for each in parts)]),
        _concat([each.starts + more for each, more in zip(parts, texts, strict=False)]),
        _concat([each.ends + more for each, more in zip(parts, texts, strict=False)]),
        sum((each.read for each in parts), nowhere),
        np.zeros(len(rows), dtype=np.int64),
        [*refused, *(each for part in parts for each in part.refused)],
    )


def _concat(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])
