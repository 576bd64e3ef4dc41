"""Data files that are not committed yet, read by Spark's workers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import PyArrowFileIO, schema_to_pyarrow
from pyiceberg.table import Table
from pyspark.sql import DataFrame, SparkSession

from a360.engine._staged import StagedFile, open_io
from a360.engine.spark._arrow import readable, to_spark
from a360.engine.spark._mapped import map_batches


def staged_rows(
    session: SparkSession, files: Sequence[StagedFile], table: Table, columns: Sequence[str] = ()
) -> DataFrame:
    """The rows of staged files of a table, in some columns or in all."""
    whole = readable(schema_to_pyarrow(table.schema(), include_field_ids=False))
    schema = pa.schema([whole.field(name) for name in columns or whole.names])
    properties = {key: str(value) for key, value in open_io(table).properties.items()}
    paths = to_spark(session, pa.table({"path": pa.array([each.path for each in files], pa.string())}))
    reader = _FileReader(schema, properties)
    return map_batches(paths.repartition(max(len(files), 1)), reader, schema)


@dataclass(frozen=True, slots=True)
class _FileReader:
    schema: pa.Schema
    properties: dict[str, str]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        access = PyArrowFileIO(self.properties)
        for batch in batches:
            for path in batch["path"].to_pylist():
                with access.new_input(path).open() as stream:
                    for rows in pq.ParquetFile(stream).iter_batches(columns=self.schema.names):
                        yield rows.select(self.schema.names).cast(self.schema)
