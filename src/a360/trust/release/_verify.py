"""A release held against its certificate: what the files hold is measured and looked at once more."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds

from a360.contract import LEFT_OUT, ReleasedColumnPlan, ReleasePlan
from a360.engine.duckdb import BareSession
from a360.trust.release._judge import looks, measure, rare_values

_FILES: Final = "released"
_TYPES: Final[Mapping[str, pa.DataType]] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", "UTC"),
}


def measured_again(folder: Path, told: Mapping[str, Any]) -> Iterator[str]:
    """What the files of a release are otherwise than its certificate, signed and of whole files, says."""
    plan = _plan(told)
    [name] = [each["name"] for each in told["files"]]
    rows = _opened(folder / name, plan)
    wanted = [column.name for column in plan.leaving]
    if rows.schema.names != wanted:
        more, less = sorted({*rows.schema.names} - {*wanted}), sorted({*wanted} - {*rows.schema.names})
        yield f"{name}: columns that may not leave: {', '.join(more)}; missing: {', '.join(less)}"
        return
    with BareSession() as session:
        session.register(_FILES, rows)
        yield from _figures(measure_of(session, plan), told)
        found = [*looks(session, _FILES, plan, _day(told)), *rare_values(session, _FILES, plan)]
        yield from (f"{name}: {each}" for each in found)


def measure_of(session: BareSession, plan: ReleasePlan) -> Mapping[str, int | None]:
    """The figures of the files, by the names that certificates have for them."""
    found = measure(session, _FILES, plan)
    return {
        "rows": found.rows,
        "patients": found.patients,
        "k": found.k,
        "l": found.l,
        "classes": found.classes,
    }


def _figures(found: Mapping[str, int | None], told: Mapping[str, Any]) -> Iterator[str]:
    certified = {**told["measured"], "rows": told["rows"], "patients": told["patients"]}
    for name, figure in found.items():
        if figure != certified[name]:
            yield f"{name} is {figure}, and certified as {certified[name]}"
    for name in ("k", "l"):
        figure = found[name]
        if figure is not None and figure < told["required"][name]:
            yield f"{name} is {figure}, and {told['required'][name]} is required"


def _plan(told: Mapping[str, Any]) -> ReleasePlan:
    required = told["required"]
    return ReleasePlan(
        told["dataset"],
        told["contract_version"],
        told["profile"],
        tuple(map(_column, told["columns"])),
        tuple(told["quasi_identifiers"]),
        tuple(told["sensitive"]),
        required["k"],
        required["l"],
        Decimal(required["suppress"]),
    )


def _column(told: Mapping[str, Any]) -> ReleasedColumnPlan:
    method: Any = {"no": LEFT_OUT, "as it is": None}.get(told["leaves"], told["leaves"])
    listed = told.get("values")
    return ReleasedColumnPlan(
        told["name"], told["type"], told["element"], method, None if listed is None else tuple(listed)
    )


def _day(told: Mapping[str, Any]) -> date:
    return datetime.fromisoformat(told["released_at"]).date()


def _opened(path: Path, plan: ReleasePlan) -> ds.Dataset:
    """The rows of a file, read as they are asked for."""
    if path.suffix != ".csv":
        return ds.dataset(path, format="parquet")
    types = {column.name: _type(column.type) for column in plan.leaving}
    options = pa_csv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    parsed = pa_csv.ParseOptions(newlines_in_values=True)
    return ds.dataset(path, format=ds.CsvFileFormat(parse_options=parsed, convert_options=options))


def _type(name: str) -> pa.DataType:
    if name.startswith("decimal"):
        precision, scale = map(int, name.removeprefix("decimal(").removesuffix(")").split(","))
        return pa.decimal128(precision, scale)
    return _TYPES[name]
