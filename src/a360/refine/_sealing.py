"""Documents' texts, read and sealed as they come out of a view, and what is told of them beside.

A text in clear is in memory only, and only while its row is looked at: no table of the engine ever holds it.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from a360.contract import ColumnPlan
from a360.documents import NoteText, read_note
from a360.protect import BatchSealer, Sealer, Tokenizer, column_context, seal_text
from a360.refine._shape import SilverShape, unreadable_flag

_PLAIN: Final = "text/plain"

type Texts = list[NoteText | None]


class StepKey:
    """The data key of what a step seals, which is made with the first thing to seal."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._batch: BatchSealer | None = None

    def batch(self) -> BatchSealer:
        """A sealer under the key."""
        if self._batch is None:
            self._batch = self._sealer.batch()
        return self._batch

    def abandon(self) -> None:
        """Destroy the key: what was sealed under it does not land."""
        if self._batch is not None:
            self._sealer.abandon(self._batch.key_id)
            self._batch = None


class Sealing:
    """Seals the texts of a step under one data key, which is asked for with the first of them."""

    def __init__(self, tokenizer: Tokenizer, shape: SilverShape, batch: Callable[[], BatchSealer]) -> None:
        self._tokenizer = tokenizer
        self._shape = shape
        self._batch = batch

    def sealed(self, viewed: pa.Table) -> pa.Table:
        """The rows of a view with their documents' texts sealed, and the columns that are told of these."""
        if not self._shape.sealed:
            return viewed
        nothing = pa.RecordBatch.from_pylist([], schema=viewed.schema)
        return pa.Table.from_batches([self._sealed(batch) for batch in viewed.to_batches() or [nothing]])

    def _sealed(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        for column in self._shape.sealed:
            given = columns[column.name].to_pylist()
            texts = _read(given, columns[str(column.seal)].to_pylist())
            faults = [value is not None and text is None for value, text in zip(given, texts, strict=True)]
            columns[unreadable_flag(column)] = pa.array(faults, pa.bool_())
            columns[column.name] = self._column(column, texts, columns)
            columns |= self._told(column, texts)
        return pa.RecordBatch.from_pydict(columns)

    def _column(self, column: ColumnPlan, texts: Texts, rows: Mapping[str, pa.Array]) -> pa.Array:
        dataset = self._shape.table.dataset
        places = zip(rows["unit_source"].to_pylist(), rows["unit_id"].to_pylist(), texts, strict=True)
        sealed = [
            None
            if text is None
            else seal_text(self._batch(), text.text, column_context(dataset, column.name, source, key))
            for source, key, text in places
        ]
        return pa.array(sealed, pa.binary())

    def _told(self, column: ColumnPlan, texts: Texts) -> dict[str, pa.Array]:
        """The columns that tell of a sealed one."""
        told = {}
        for each in self._shape.derived:
            if each.derived is not None and each.derived.of == column.name:
                told[each.name] = self._measured(each.derived.measure, texts)
        return told

    def _measured(self, measure: str, texts: Texts) -> pa.Array:
        told = [None if text is None else _MEASURES[measure](text) for text in texts]
        if measure == "digest":
            return self._tokenizer.digests(pa.array(told, pa.string()))
        return pa.array(told, pa.string() if measure == "sections" else pa.int64())


def _read(documents: list[str | None], media_types: list[str | None]) -> Texts:
    return [
        None if document is None else _text(document, media_type or _PLAIN)
        for document, media_type in zip(documents, media_types, strict=True)
    ]


def _text(document: str, media_type: str) -> NoteText | None:
    """The text of a document in base64, in which FHIR allows white space; None where it is none.

    Parts of a document stand apart by commas, as those of an HL7 v2 message do, and are lines of one text.
    """
    try:
        parts = [base64.b64decode("".join(part.split()), validate=True) for part in document.split(",")]
    except (binascii.Error, ValueError):
        return None
    return read_note(b"\n".join(parts), media_type)


def _sections(text: NoteText) -> str:
    return json.dumps([section.to_json() for section in text.sections], separators=(",", ":"))


_MEASURES: Final[Mapping[str, Callable[[NoteText], object]]] = MappingProxyType(
    {
        "sections": _sections,
        "characters": lambda text: len(text.text),
        "words": lambda text: text.words,
        "digest": lambda text: text.text,
    }
)
