"""From payload text to raw columns: the views or the mapping of a step, run over a batch of payloads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from a360.contract import RecordPlan, SilverStep, ViewPlan
from a360.engine import quote_name, quote_text
from a360.fhir import CompiledView, StructNode, compile_view
from a360.records import MISSHAPEN, compile_mapping
from a360.refine._context import RefineContext
from a360.refine._payloads import CARRIED, CHUNK_ROWS
from a360.refine._sealing import Sealing

PAYLOAD = "payload_batch"
VIEWED = "viewed"
_MISSHAPEN_TABLE = "CREATE OR REPLACE TEMP TABLE misshapen (row_id BIGINT, names VARCHAR)"
_NUMBERS = ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE")


@dataclass(frozen=True, slots=True)
class _View:
    plan: ViewPlan
    compiled: CompiledView


class Reader(Protocol):
    """Reads batches of payloads; units of another shape than they should have are noted in `misshapen`."""

    def read(self) -> Iterator[None]:
        """Make `viewed` of the registered payload batch, part after part."""
        ...


def reader_of(context: RefineContext, step: SilverStep, sealing: Sealing) -> Reader:
    """What reads the payloads of a step."""
    return RecordReader(context, step.records) if step.records else ViewReader(context, step, sealing)


class RecordReader:
    """Runs the mapping of a step over records."""

    def __init__(self, context: RefineContext, records: RecordPlan) -> None:
        self._session = context.session
        self._mapping = compile_mapping(records, source=PAYLOAD, carry=tuple(CARRIED))
        self._session.execute(_MISSHAPEN_TABLE)

    def read(self) -> Iterator[None]:
        """Make `viewed` of the registered payload batch."""
        self._session.register(VIEWED, self._session.sql(self._mapping.sql, batch_rows=CHUNK_ROWS))
        if self._mapping.has_shape:
            self._session.execute(
                f"INSERT INTO misshapen SELECT row_id, {quote_name(MISSHAPEN)} FROM {VIEWED} "
                f"WHERE {quote_name(MISSHAPEN)} IS NOT NULL"
            )
        yield


class ViewReader:
    """Runs the views of a step; what comes out are raw values: text as written, references as text."""

    def __init__(self, context: RefineContext, step: SilverStep, sealing: Sealing) -> None:
        self._session = context.session
        self._sealing = sealing
        self._views = [
            _View(view, compile_view(view.definition, "duckdb", source="resources", carry=tuple(CARRIED)))
            for view in step.views
        ]
        self._session.execute(_MISSHAPEN_TABLE)

    def read(self) -> Iterator[None]:
        """Make `viewed` of the registered payload batch, one view after the other."""
        for view in self._views:
            payloads = f"FROM {PAYLOAD} WHERE unit_type = {quote_text(view.plan.resource_type)}"
            carried = ", ".join(CARRIED)
            structure = quote_text(view.compiled.struct.duckdb_json())
            self._session.execute(
                f"CREATE OR REPLACE TEMP VIEW resources AS "
                f"SELECT {carried}, from_json(payload, {structure}) AS resource {payloads}"
            )
            viewed = self._session.sql(view.compiled.sql, batch_rows=CHUNK_ROWS)
            self._session.register(VIEWED, self._sealing.sealed(viewed))
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
        shapes = self._session.sql(f"SELECT DISTINCT shape FROM ({shaped})")["shape"].to_pylist()
        faulty = [shape for shape in shapes if not _is_fhir(shape, [kinds for _, kinds in elements])]
        if faulty:
            self._session.execute(
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
