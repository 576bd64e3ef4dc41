"""What is done to payloads where their rows are: read and typed, searched for what they contain, sealed anew.

Each kernel is a function of Arrow batches that can be pickled: it holds the compiled views of a step and
references to keys, opens a DuckDB of its own where it runs, and lets nothing out but typed values, tokens and
what is sealed. It is the same DuckDB, and the same SQL, that reads payloads in the lake's own session.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from a360.contract import ColumnPlan
from a360.engine import quote_name
from a360.engine.duckdb import BareSession
from a360.protect import BatchSealer, Sealer, Tokenizer
from a360.refine._contained import inside_sql, with_person_tokens
from a360.refine._opened import opened
from a360.refine._payloads import CARRIED
from a360.refine._reader import PAYLOAD, VIEWED, Reads, reader_of
from a360.refine._references import Wanted, parts_join, parts_of, token_join, tokens_of
from a360.refine._rejects import REFUSED_SCHEMA, Refusal
from a360.refine._sealing import Sealing
from a360.refine._shape import SilverShape, unreadable_flag
from a360.refine._typed import arrow_type, checked_casts, unreadable_sql, value_sql

type Batches = Iterator[pa.RecordBatch]

ROW = "#row"
NAMES = "#names"
# What is told of a reference, by what follows the column's name, with its type.
PARTS = {
    "given": pa.bool_(),
    "direct": pa.string(),
    "url": pa.string(),
    "type": pa.string(),
    "search": pa.string(),
}
_CARRIED_TYPES = {"row_id": pa.int64(), "unit_updated": arrow_type("timestamptz")}
_CARRIED_TYPES["unit_known"] = _CARRIED_TYPES["unit_updated"]
_LINES = "container_line"
FOUND_SCHEMA = pa.schema(
    {
        "block_id": pa.string(),
        "position": pa.int32(),
        "place": pa.int64(),
        "source": pa.string(),
        "inner_type": pa.string(),
        "resource_id": pa.string(),
    }
)


def part_name(column: str, part: str) -> str:
    """The name of a column with a part of a reference."""
    return f"{column}#{part}"


def typed_schema(shape: SilverShape) -> pa.Schema:
    """What `TypingKernel` gives: rows (`#row`), and the units of another shape than they should have.

    Rows have what `CARRIED` names, the columns of the step that need no key, with tokens for identifiers,
    flags, and the parts of references. Of a misshapen unit there is `row_id` and `#names`.
    """
    fields = [pa.field(name, _CARRIED_TYPES.get(name, pa.string())) for name in CARRIED]
    fields += [pa.field(each.name, arrow_type(each.type)) for each in own_columns(shape)]
    fields += [pa.field(unreadable_flag(each), pa.bool_()) for each in checked_casts(shape)]
    fields += [pa.field(name, pa.string()) for name in shape.tokens]
    fields += [pa.field(part_name(name, part), PARTS[part]) for name in shape.references for part in PARTS]
    ends = [("#misshapen", pa.bool_()), (ROW, pa.bool_()), (NAMES, pa.string())]
    return pa.schema([*fields, *(pa.field(*each) for each in ends)])


def own_columns(shape: SilverShape) -> list[ColumnPlan]:
    """The columns of a step whose values need no key and no token."""
    looked_up = {*shape.tokens, *shape.references}
    return [each for each in shape.viewed if each.name not in looked_up]


@dataclass(frozen=True, slots=True)
class TypingKernel:
    """Reads payloads by the views or the mapping of a step.

    `batch` seals texts, of a step that has any; `wanted` are the tokens that references are looked up by.
    """

    shape: SilverShape
    reads: Reads
    wanted: Wanted
    tokenizer: Tokenizer
    sealer: Sealer
    batch: BatchSealer | None

    def __call__(self, batches: Batches) -> Batches:
        """Give the rows of blocks, as `typed_schema` says."""
        with BareSession() as bench:
            reader = reader_of(bench, self.reads, Sealing(self.tokenizer, self.shape, self._sealing))
            for asked in opened(batches, self.sealer, bench):
                bench.register(PAYLOAD, asked)
                for _ in reader.read():
                    yield from self._rows(bench)
                yield from self._misshapen(bench)

    def _sealing(self) -> BatchSealer:
        if self.batch is None:
            raise ValueError("the step seals no texts")
        return self.batch

    def _rows(self, bench: BareSession) -> Batches:
        shape, joins, values = self.shape, [], {}
        for name, domain in shape.tokens.items():
            bench.register(f"{name}#", tokens_of(bench, self.tokenizer, name, domain))
            joins.append(token_join(name))
            values[name] = f"{quote_name(f'{name}#')}.key"
        for name, targets in shape.references.items():
            parts = parts_of(bench, self.tokenizer, name, targets, self.wanted)
            bench.register(f"{name}#", parts)
            joins.append(parts_join(name, parts))
            values |= {part_name(name, part): f"{quote_name(f'{name}#')}.{part}" for part in PARTS}
            values[part_name(name, "given")] = f"v.{quote_name(name)} IS NOT NULL"
        values |= {each.name: value_sql(shape, each) for each in own_columns(shape)}
        values |= {unreadable_flag(each): unreadable_sql(each) for each in checked_casts(shape)}
        values["#misshapen"] = "v.row_id IN (SELECT row_id FROM misshapen)"
        values |= {ROW: "TRUE", NAMES: "CAST(NULL AS VARCHAR)"}
        schema = typed_schema(shape)
        columns = (
            f"{values.get(name, f'v.{quote_name(name)}')} AS {quote_name(name)}" for name in schema.names
        )
        found = bench.sql(f"SELECT {', '.join(columns)} FROM {VIEWED} AS v {' '.join(joins)}")
        yield from found.cast(schema).to_batches()

    def _misshapen(self, bench: BareSession) -> Batches:
        found = bench.sql("SELECT row_id, min(names) AS names FROM misshapen GROUP BY row_id")
        bench.execute("DELETE FROM misshapen")
        columns = {"row_id": found["row_id"], NAMES: found["names"]}
        flags = {"#misshapen": pa.repeat(True, found.num_rows), ROW: pa.repeat(False, found.num_rows)}
        schema = typed_schema(self.shape)
        nothing = {each.name: pa.nulls(found.num_rows, each.type) for each in schema}
        yield from pa.table({**nothing, **columns, **flags}).cast(schema).to_batches()


@dataclass(frozen=True, slots=True)
class ContainedKernel:
    """Finds the resources of some types that lines contain, by `FOUND_SCHEMA`; none comes out itself."""

    types: tuple[str, ...]
    tokenizer: Tokenizer
    sealer: Sealer

    def __call__(self, batches: Batches) -> Batches:
        """Give what the asked lines contain."""
        with BareSession() as bench:
            for asked in opened(batches, self.sealer, bench):
                bench.register(_LINES, asked)
                found = bench.sql(
                    f'SELECT i.block_id, i."position", i.place, l.source, i.inner_type, '
                    f"l.resource_type || '/' || l.resource_id || '#' || i.contained_id AS resource_id "
                    f"FROM ({inside_sql(_LINES, self.types)}) AS i "
                    f'JOIN {_LINES} AS l USING (block_id, "position")'
                )
                yield from with_person_tokens(found, self.tokenizer).cast(FOUND_SCHEMA).to_batches()


@dataclass(frozen=True, slots=True)
class RefusingKernel:
    """Seals refused payloads for the places in which the quarantine keeps them."""

    refusal: Refusal
    sealer: Sealer
    batch: BatchSealer

    def __call__(self, batches: Batches) -> Batches:
        """Give the quarantine's rows."""
        with BareSession() as bench:
            for asked in opened(batches, self.sealer, bench):
                rows = [self.refusal.row(found, self.batch) for found in asked.to_pylist()]
                yield from pa.Table.from_pylist(rows, REFUSED_SCHEMA).to_batches()
