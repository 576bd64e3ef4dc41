"""Large results, of which this process and Spark's driver hold a part at a time."""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from a360.engine.spark._arrow import plain
from a360.engine.spark._errors import in_our_words
from a360.engine.spark._mapped import map_batches

_PACKED = pa.schema([("batch", pa.binary())])


def streamed(rows: DataFrame, batch_rows: int) -> pa.RecordBatchReader:
    """Rows in their order, computed and fetched a partition after the other as they are read.

    Arrow comes from Spark only as a whole, and a row at a time is slow: so workers pack batches into rows.
    """
    schema = plain(to_arrow_schema(rows.schema))
    packed = map_batches(rows, _pack, _PACKED)

    def batches() -> Iterator[pa.RecordBatch]:
        with in_our_words("run a query"):
            for row in packed.toLocalIterator():
                with pa.ipc.open_stream(row["batch"]) as reader:
                    for batch in reader:
                        typed = batch.cast(schema)
                        for start in range(0, typed.num_rows, batch_rows):
                            yield typed.slice(start, batch_rows)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        yield pa.record_batch([pa.array([sink.getvalue().to_pybytes()], pa.binary())], schema=_PACKED)
