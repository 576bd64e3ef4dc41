"""Runs a view over resources in memory, on a bare session of an engine."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from a360.contract import quote_text
from a360.errors import UsageError
from a360.fhir._compile import CompiledView, compile_view
from a360.fhir._stopped import stopped_by
from a360.fhir._types import kind_of


def evaluate(
    view: Mapping[str, Any] | str, resources: Iterable[Mapping[str, Any]], engine: str = "duckdb"
) -> list[dict[str, Any]]:
    """The rows of a view over resources; those of another type are passed over.

    Decimals come back as numbers, dates and times as FHIR writes them. Decimals that were read as
    `decimal.Decimal` keep all their digits; floats have only their own.

    Args:
        view: The ViewDefinition, as JSON text or as the object it stands for.
        resources: Resources as JSON objects.
        engine: `duckdb`, or `spark`: the local Spark of this process, which the first call starts.

    Raises:
        ViewError: The view has faults.
        ViewStoppedError: A resource has several values where the view expects one, or nests too deeply.
        OperatorError: Spark is asked for, and it or its Java is not installed.
    """
    if engine not in {"duckdb", "spark"}:
        raise UsageError(
            "usage",
            f"there is no engine {engine!r} to evaluate a view",
            next_step="engine='duckdb' or engine='spark'",
        )
    compiled = compile_view(view, "spark" if engine == "spark" else "duckdb")
    payloads = [
        json.dumps(resource, default=str)
        for resource in resources
        if resource.get("resourceType") == compiled.resource_type
    ]
    try:
        found = _on_spark(compiled, payloads) if engine == "spark" else _on_duckdb(compiled, payloads)
    except Exception as error:
        stopped = stopped_by(error)
        if stopped is None:
            raise
        raise stopped from None
    return _rows(compiled, found)


def _on_duckdb(compiled: CompiledView, payloads: list[str]) -> Iterable[Iterable[Any]]:
    import duckdb  # noqa: PLC0415 - only this function needs the engine
    import pyarrow as pa  # noqa: PLC0415 - likewise

    structure = compiled.struct.duckdb_json()
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as session:
        session.execute("SET threads TO 1")
        session.execute("SET TimeZone = 'UTC'")
        session.register("payloads", pa.table({"payload": pa.array(payloads, pa.string())}))
        parsed = f"SELECT from_json(payload, {quote_text(structure)}) AS resource FROM payloads"
        session.execute(f"CREATE TEMP VIEW resources AS {parsed}")
        return session.sql(compiled.sql).fetchall()


def _on_spark(compiled: CompiledView, payloads: list[str]) -> Iterable[Iterable[Any]]:
    from a360.fhir._spark import collected  # noqa: PLC0415 - only this function needs the engine

    return collected(compiled, payloads)


def _rows(compiled: CompiledView, found: Iterable[Iterable[Any]]) -> list[dict[str, Any]]:
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
