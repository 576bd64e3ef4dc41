"""Reading units in the lake's own session: batch by batch, each one read, typed, looked up and judged."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from a360.contract import TablePlan
from a360.engine import EngineSession, quote_name
from a360.failpoints import failpoint
from a360.protect import open_block
from a360.refine._batch_lookups import BatchLookups
from a360.refine._contained import CONTAINERS, ContainedUnits
from a360.refine._judging import MISSHAPEN_FLAG
from a360.refine._payloads import payload_batches, sealed_blocks, with_units
from a360.refine._reader import PAYLOAD, VIEWED, reader_of
from a360.refine._reading import Reading
from a360.refine._sealing import Sealing
from a360.refine._shape import unreadable_flag
from a360.refine._typed import checked_casts, duckdb_type, unreadable_sql, value_sql


class BatchReading(Reading):
    """Opens blocks here, so many at a time as memory may hold in clear."""

    def read(self, contained: ContainedUnits) -> None:
        """Read all units, those first that lie in no other."""
        sealing = Sealing(self._context.tokenizer, self._shape, self._texts.batch)
        self._reader = reader_of(self._session, self._reads, sealing)
        self._lookups = BatchLookups(self._context, self._shape, self._targets)
        self._create()
        for payload in self._payloads("unit"):
            self._add(payload)
            failpoint("refine.silver.batch")
        for payload in self._payloads(CONTAINERS) if contained.containers else ():
            inner = contained.take(payload)
            if inner is not None:
                self._add(inner)

    def _create(self) -> None:
        self._session.execute(f"CREATE OR REPLACE TEMP TABLE candidate ({_columns(self._shape.table)})")
        self._session.execute("CREATE OR REPLACE TEMP TABLE rejected (row_id BIGINT, verdict VARCHAR)")

    def _payloads(self, units: str) -> Iterator[pa.Table]:
        """The payloads of units, opened in memory, batch by batch."""
        sealer = self._context.sealer
        return payload_batches(
            sealed_blocks(self._session, self._ground.block, units, self._context.batch_bytes),
            lambda block_id, sealed: open_block(sealer, block_id, sealed),
        )

    def _add(self, payload: pa.Table) -> None:
        """Read one batch of payloads; rejected ones are sealed at once."""
        self._session.register(PAYLOAD, with_units(self._session, payload))
        for _ in self._reader.read():
            self._lookups.prepare()
            self._judge_batch()
        self._session.execute(f"INSERT INTO rejected {self._judge.refused_shapes('rejected')}")
        self._rejects.capture()
        self._session.execute("DELETE FROM misshapen")
        self._session.unregister(PAYLOAD)

    def _judge_batch(self) -> None:
        names = ", ".join(quote_name(name) for name in self._shape.table.column_names)
        # Rows are numbered as they come in, which tells those of this batch from the ones before.
        before = self._session.sql("SELECT count(*) AS n FROM candidate")["n"][0].as_py()
        verdict = self._judge.verdict(self._session.dialect)
        with _joins_as_written(self._session):
            self._session.execute(
                f"INSERT INTO candidate SELECT row_id, {names}, {verdict} AS verdict "
                f"FROM ({self._typed_sql()})"
            )
        self._session.execute(
            f"INSERT INTO rejected SELECT row_id, min(verdict) FROM candidate "
            f"WHERE rowid >= {before} AND {self._judge.refuses} "
            "AND row_id NOT IN (SELECT row_id FROM rejected) GROUP BY row_id"
        )

    def _typed_sql(self) -> str:
        looked_up = {*self._shape.tokens, *self._shape.references}
        columns = [
            f"{value_sql(self._shape, each)} AS {quote_name(each.name)}"
            for each in self._shape.viewed
            if each.name not in looked_up
        ]
        flags = [
            f"{unreadable_sql(each)} AS {quote_name(unreadable_flag(each))}"
            for each in checked_casts(self._shape)
        ]
        flags.append(f"v.row_id IN (SELECT row_id FROM misshapen) AS {MISSHAPEN_FLAG}")
        return self._resolved_sql(VIEWED, [*columns, *flags], self._lookups)


def _columns(table: TablePlan) -> str:
    columns = [f"{quote_name(each.name)} {duckdb_type(each.type)}" for each in table.columns]
    return ", ".join(["row_id BIGINT", *columns, "verdict VARCHAR"])


@contextmanager
def _joins_as_written(session: EngineSession) -> Iterator[None]:
    """Have joins look rows up on their right side.

    DuckDB does not know how many rows Arrow data has, so that it would copy all of them to look up the few.
    """
    session.execute("SET disabled_optimizers = 'build_side_probe_side'")
    try:
        yield
    finally:
        session.execute("RESET disabled_optimizers")
