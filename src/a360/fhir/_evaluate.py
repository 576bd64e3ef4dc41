"""Runs a view over resources in memory, on a bare DuckDB session of its own."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from a360.contract import quote_text
from a360.errors import UsageError
from a360.fhir._compile import CompiledView, compile_view
from a360.fhir._types import kind_of


def evaluate(
    view: Mapping[str, Any] | str, resources: Iterable[Mapping[str, Any]], engine: str = "duckdb"
) -> list[dict[str, Any]]:
    """The rows of a view over resources; those of another type are passed over.

    Decimals come back as numbers, dates and times as FHIR writes them. Decimals that were read as
    `decimal.Decimal` keep all their digits; floats have only their own.

    Raises:
        ViewError: The view has faults.
    """
    if engine != "duckdb":
        raise UsageError(
            "usage", f"there is no engine {engine!r} to evaluate a view", next_step="engine='duckdb'"
        )
    compiled = compile_view(view)
    payloads = [
        json.dumps(resource, default=str)
        for resource in resources
        if resource.get("resourceType") == compiled.resource_type
    ]
    return _rows(compiled, payloads)


def _rows(compiled: CompiledView, payloads: list[str]) -> list[dict[str, Any]]:
    import duckdb  # noqa: PLC0415 - only this function needs the engine
    import pyarrow as pa  # noqa: PLC0415 - likewise

    structure = compiled.struct.duckdb_json()
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as session:
        session.execute("SET threads TO 1")
        session.execute("SET TimeZone = 'UTC'")
        session.register("payloads", pa.table({"payload": pa.array(payloads, pa.string())}))
        parsed = f"SELECT from_json(payload, {quote_text(structure)}) AS resource FROM payloads"
        session.execute(f"CREATE TEMP VIEW resources AS {parsed}")
        found = session.sql(compiled.sql).fetchall()
    decimals = [kind_of(column.fhir_type) == "decimal" for column in compiled.schema]
    names = [column.name for column in compiled.schema]
    return [
        {
            name: _number(value) if is_decimal else value
            for name, value, is_decimal in zip(names, row, decimals, strict=True)
        }
        for row in found
    ]


def _number(value: Any) -> Any:  # noqa: ANN401 - a text, a list of them, or None
    if isinstance(value, list):
        return [_number(item) for item in value]
    if value is None:
        return None
    number = Decimal(value)
    return int(number) if number == number.to_integral_value() else float(number)
