"""The OMOP vocabularies of a user's download from Athena: tab-separated files, as they are unpacked."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from a360.terminology._files import one_of, streamed

CONCEPT = pa.schema(
    [
        pa.field("concept_id", pa.int32(), nullable=False),
        pa.field("concept_name", pa.string(), nullable=False),
        pa.field("domain_id", pa.string(), nullable=False),
        pa.field("vocabulary_id", pa.string(), nullable=False),
        pa.field("concept_class_id", pa.string(), nullable=False),
        ("standard_concept", pa.string()),
        pa.field("concept_code", pa.string(), nullable=False),
        pa.field("valid_start_date", pa.date32(), nullable=False),
        pa.field("valid_end_date", pa.date32(), nullable=False),
        ("invalid_reason", pa.string()),
    ]
)
RELATIONSHIP = pa.schema(
    [
        pa.field("concept_id_1", pa.int32(), nullable=False),
        pa.field("concept_id_2", pa.int32(), nullable=False),
        pa.field("relationship_id", pa.string(), nullable=False),
        pa.field("valid_start_date", pa.date32(), nullable=False),
        pa.field("valid_end_date", pa.date32(), nullable=False),
        ("invalid_reason", pa.string()),
    ]
)
VOCABULARY = pa.schema(
    [
        pa.field("vocabulary_id", pa.string(), nullable=False),
        pa.field("vocabulary_name", pa.string(), nullable=False),
        ("vocabulary_reference", pa.string()),
        ("vocabulary_version", pa.string()),
        pa.field("vocabulary_concept_id", pa.int32(), nullable=False),
    ]
)
# Of the relationships, those that lead from what a source says to what OMOP analyses count.
MAPS = ("Maps to", "Maps to value")
_HASHED = 1 << 20


@dataclass(frozen=True, slots=True)
class AthenaDownload:
    """The files of a download, and which release they are of.

    A table is read when it is written: the files of a full download are larger than memory.
    """

    version: str
    content_hash: str
    tables: Mapping[str, Callable[[], pa.RecordBatchReader]]
    origin: str


def read_athena(path: Path, version: str | None = None) -> AthenaDownload:
    """The tables CONCEPT, CONCEPT_RELATIONSHIP and VOCABULARY of a folder."""
    files = {name: one_of(path, f"{name}.csv") for name in ("CONCEPT", "CONCEPT_RELATIONSHIP", "VOCABULARY")}
    digest = hashlib.sha256()
    for file in files.values():
        with file.open("rb") as stream:
            while block := stream.read(_HASHED):
                digest.update(block)
    return AthenaDownload(
        version or _release(files["VOCABULARY"]),
        digest.hexdigest(),
        {
            "gold.concept": lambda: _table(files["CONCEPT"], CONCEPT),
            "gold.concept_relationship": lambda: _table(
                files["CONCEPT_RELATIONSHIP"], RELATIONSHIP, _leads_to_standard
            ),
            "gold.vocabulary": lambda: _table(files["VOCABULARY"], VOCABULARY),
        },
        path.name,
    )


def _table(
    file: Path, schema: pa.Schema, wanted: Callable[[pa.RecordBatch], pa.RecordBatch] | None = None
) -> pa.RecordBatchReader:
    batches = streamed(file, schema.names)
    chosen = (wanted(batch) for batch in batches) if wanted else batches
    return pa.RecordBatchReader.from_batches(schema, _typed(chosen, schema))


def _leads_to_standard(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.filter(pc.is_in(batch.column("relationship_id"), value_set=pa.array(MAPS)))


def _typed(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        columns = [_column(batch.column(each.name), each) for each in schema]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(values: pa.Array, wanted: pa.Field) -> pa.Array:
    if wanted.type == pa.date32():
        # Athena writes 20260131.
        return pc.cast(pc.strptime(values, format="%Y%m%d", unit="s"), pa.date32())
    found = pc.cast(values, wanted.type)
    # A text of nothing is a text where the model asks for one, as the name of a concept.
    return found if wanted.nullable or wanted.type != pa.string() else pc.fill_null(found, "")


def _release(file: Path) -> str:
    """What the row of the vocabularies themselves says, as `v5.0 31-AUG-26`."""
    for batch in streamed(file, VOCABULARY.names):
        for row in batch.to_pylist():
            if row["vocabulary_id"] == "None" and row["vocabulary_version"]:
                return str(row["vocabulary_version"])
    return "unknown"
