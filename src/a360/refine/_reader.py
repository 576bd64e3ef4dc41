"""From payload text to raw columns: the views or the mapping of a step, run over a batch of payloads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from a360.contract import SilverStep
from a360.engine import quote_name, quote_text
from a360.fhir import CompiledView, StructNode, compile_view
from a360.records import MISSHAPEN, Mapping, compile_mapping
from a360.refine._payloads import CARRIED, CHUNK_ROWS
from a360.refine._sealing import Sealing

PAYLOAD = "payload_batch"
VIEWED = "viewed"
_MISSHAPEN_TABLE = "CREATE OR REPLACE TEMP TABLE misshapen (row_id BIGINT, names VARCHAR)"
_NUMBERS = ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE")


class Workbench(Protocol):
    """What values are worked on with: a session of an engine, or DuckDB by itself."""

    def register(self, name: str, data: pa.Table) -> None:
        """Make Arrow data visible under a bare name."""
        ...

    def unregister(self, name: str) -> None:
        """Forget registered data."""
        ...

    def execute(self, sql: str) -> None:
        """Run a statement whose result does not matter."""
        ...

    def sql(self, sql: str, *, batch_rows: int = ...) -> pa.Table:
        """Run a query into an Arrow table."""
        ...


@dataclass(frozen=True, slots=True)
class ReadView:
    """A view that a step reads resources by."""

    resource_type: str
    compiled: CompiledView


type Reads = Mapping | tuple[ReadView, ...]
"""What a step reads payloads by: a mapping of records, or views."""


class Reader(Protocol):
    """Reads batches of payloads; units of another shape than they should have are noted in `misshapen`."""

    def read(self) -> Iterator[None]:
        """Make `viewed` of the registered payload batch, part after part."""
        ...


def reads_of(step: SilverStep) -> Reads:
    """What a step reads payloads by."""
    carried = tuple(CARRIED)
    if step.records:
        return compile_mapping(step.records, source=PAYLOAD, carry=carried)
    return tuple(
        ReadView(
            view.resource_type, compile_view(view.definition, "duckdb", source="resources", carry=carried)
        )
        for view in step.views
    )


def reader_of(bench: Workbench, reads: Reads, sealing: Sealing) -> Reader:
    """What reads the payloads of a step."""
    bench.execute(_MISSHAPEN_TABLE)
    return RecordReader(bench, reads) if isinstance(reads, Mapping) else ViewReader(bench, reads, sealing)


class RecordReader:
    """Runs the mapping of a step over records."""

    def __init__(self, bench: Workbench, mapping: Mapping) -> None:
        self._bench = bench
        self._mapping = mapping

    def read(self) -> Iterator[None]:
        """Make `viewed` of the registered payload batch."""
        self._bench.register(VIEWED, self._bench.sql(self._mapping.sql, batch_rows=CHUNK_ROWS))
        if self._mapping.has_shape:
            self._bench.execute(
                f"INSERT INTO misshapen SELECT row_id, {quote_name(MISSHAPEN)} FROM {VIEWED} "
                f"WHERE {quote_name(MISSHAPEN)} IS NOT NULL"
            )
        yield


class ViewReader:
    """Runs the views of a step; what comes out are raw values: text as written, references as text."""

    def __init__(self, bench: Workbench, views: tuple[ReadView, ...], sealing: Sealing) -> None:
        self._bench = bench
        self._views = views
        self._sealing = sealing

    def read(self) -> Iterator[None]:
        """Make `viewed` of the registered payload batch, one view after the other."""
        for view in self._views:
            payloads = f"FROM {PAYLOAD} WHERE unit_type = {quote_text(view.resource_type)}"
            carried = ", ".join(CARRIED)
            structure = quote_text(view.compiled.struct.duckdb_json())
            self._bench.execute(
                f"CREATE OR REPLACE TEMP VIEW resources AS "
                f"SELECT {carried}, from_json(payload, {structure}) AS resource {payloads}"
            )
            viewed = self._bench.sql(view.compiled.sql, batch_rows=CHUNK_ROWS)
            self._bench.register(VIEWED, self._sealing.sealed(viewed))
            self._note_misshapen(view.compiled, payloads)
            yield

    def _note_misshapen(self, view: CompiledView, payloads: str) -> None:
        """Note resources one of whose elements has another JSON type than FHIR says.

        Parsing gives null for such an element: without this check its content would be lost silently.
        """
        elements = list(_elements(view.struct))
        if not elements:
            return
        paths = ", ".join(quote_text(path) for path, _ in elements)
        # Many resources have few shapes: it is these that are judged.
        shaped = f"SELECT row_id, CAST(json_type(payload, [{paths}]) AS VARCHAR) AS shape {payloads}"
        shapes = self._bench.sql(f"SELECT DISTINCT shape FROM ({shaped})")["shape"].to_pylist()
        faulty = [shape for shape in shapes if not _is_fhir(shape, [kinds for _, kinds in elements])]
        if faulty:
            self._bench.execute(
                f"INSERT INTO misshapen SELECT row_id, NULL FROM ({shaped}) "
                f"WHERE shape IN ({', '.join(map(quote_text, faulty))})"
            )


def _is_fhir(shape: str, allowed: list[tuple[str, ...]]) -> bool:
    """Whether the JSON types of a resource's elements, as DuckDB writes a list of them, are those allowed."""
    found = shape[1:-1].split(", ")
    return all(kind == "NULL" or kind in kinds for kind, kinds in zip(found, allowed, strict=True))


def _elements(node: StructNode, path: str = "$") -> Iterator[tuple[str, tuple[str, ...]]]:
    """The elements of a resource that lie in no list, with the JSON types they may have."""
    for name, child in node.children.items():
        inner = f"{path}.{name}"
        yield inner, _kinds(child)
        if child.children and not child.many:
            yield from _elements(child, inner)


def _kinds(node: StructNode) -> tuple[str, ...]:
    """DuckDB's names of the JSON types that an element may have."""
    if node.many:
        return ("ARRAY",)
    if not node.is_value:
        return ("OBJECT",)
    if node.is_boolean:
        return ("BOOLEAN",)
    if node.is_whole_number:
        return _NUMBERS
    # A number for a text, or the other way round, is read as what it says.
    return ("VARCHAR", "BOOLEAN", *_NUMBERS)
