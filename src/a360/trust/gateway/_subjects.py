"""Whom an answer tells of, as far as that can be known at little cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from a360.contract import LakePlan, patient_reach

MOST_SUBJECTS: Final = 1000
_UNKNOWN: Final = "unknown"
_PATIENT: Final = "patient"


class Subjects:
    """Collects the patients of an answer while its rows go by.

    Args:
        columns: The columns that hold patients' keys; None where nobody knows whose the rows are.
        added: How many of them stand at the end of the rows for this alone.
        pseudonym: What stands for a patient in the log.
    """

    def __init__(self, columns: Sequence[str] | None, added: int, pseudonym: Callable[[str], str]) -> None:
        self._columns = columns
        self._added = added
        self._pseudonym = pseudonym
        self._found: set[str] = set()

    def taken_off(self, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """The rows without what was added."""
        if not self._columns:
            return rows
        kept = len(rows.schema) - self._added
        schema = pa.schema(list(rows.schema)[:kept])
        return pa.RecordBatchReader.from_batches(schema, self._each(rows, kept, schema))

    def _each(self, rows: pa.RecordBatchReader, kept: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for batch in rows:
            # By their place: whoever asks may have called another column by a name of ours.
            for column in batch.columns[kept:] if self._added else map(batch.column, self._columns or ()):
                if len(self._found) <= MOST_SUBJECTS:
                    self._found.update(pc.unique(column).drop_null().to_pylist())
            yield pa.RecordBatch.from_arrays(batch.columns[:kept], schema=schema) if self._added else batch

    def told(self) -> tuple[Sequence[str], Mapping[str, str]]:
        """The pseudonyms for the record, or what it says in their place."""
        if self._columns is None:
            return (), {"subjects": _UNKNOWN}
        if len(self._found) > MOST_SUBJECTS:
            return (), {"subjects": f"more than {MOST_SUBJECTS}"}
        return sorted(map(self._pseudonym, self._found)), {}


def patient_columns(plan: LakePlan) -> Mapping[str, Sequence[str] | None]:
    """By dataset that holds patients, the columns with their keys; None where others tell of them too."""
    found: dict[str, Sequence[str] | None] = {
        table.dataset: None for table in plan.tables if table.namespace == "quarantine"
    }
    for held in patient_reach(plan):
        table = plan.table(held.dataset)
        plain = not held.through and all(table.column(name).token == _PATIENT for name in held.columns)
        found[held.dataset] = held.columns if plain else None
    return found
