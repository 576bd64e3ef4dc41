"""A release held against its certificate: what the files hold is measured and looked at once more."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds

from a360.contract import LEFT_OUT, ReleasedColumnPlan, ReleasePlan, quote_name
from a360.engine.duckdb import BareSession
from a360.errors import DataError
from a360.trust.gateway import unmarked
from a360.trust.release._judge import looks, measure, rare_values

_READ: Final = "read"
_FILES: Final = "released"
# No cell can be larger; several blocks are in memory at once.
_BLOCK_BYTES: Final = 16 << 20
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
    try:
        yield from _held_against(folder / name, plan, told)
    except (pa.ArrowInvalid, DataError):
        # What the error says may hold values.
        yield f"{name}: cannot be read as the columns that were certified"


def _held_against(path: Path, plan: ReleasePlan, told: Mapping[str, Any]) -> Iterator[str]:
    rows = _opened(path, plan)
    wanted = [column.name for column in plan.leaving]
    if rows.schema.names != wanted:
        more, less = sorted({*rows.schema.names} - {*wanted}), sorted({*wanted} - {*rows.schema.names})
        yield f"{path.name}: columns that may not leave: {', '.join(more)}; missing: {', '.join(less)}"
        return
    with BareSession() as session:
        session.register(_READ, rows)
        session.execute(f"CREATE VIEW {_FILES} AS SELECT {', '.join(_values(path, plan))} FROM {_READ}")
        yield from _figures(measure_of(session, plan), told)
        found = [*looks(session, _FILES, plan, _day(told)), *rare_values(session, _FILES, plan)]
        yield from (f"{path.name}: {each}" for each in found)


def _values(path: Path, plan: ReleasePlan) -> Iterator[str]:
    """The columns of a file, their texts as they were before CSV marked what looks like a formula."""
    for column in plan.leaving:
        name = quote_name(column.name)
        marked = path.suffix == ".csv" and column.type == "string"
        yield f"{unmarked(name)} AS {name}" if marked else name


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
    read = pa_csv.ReadOptions(block_size=_BLOCK_BYTES)
    form = ds.CsvFileFormat(parse_options=parsed, convert_options=options, read_options=read)
    return ds.dataset(path, format=form)


def _type(name: str) -> pa.DataType:
    if name.startswith("decimal"):
        precision, scale = map(int, name.removeprefix("decimal(").removesuffix(")").split(","))
        return pa.decimal128(precision, scale)
    return _TYPES[name]
