"""What the tests of the contracts' content share: the files, silver by the views, silver as DuckDB tables.

Silver is made without the product's refine: rows of the compiled views, cast and followed in plain Python.
"""

import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml
from content_inputs import silver_of
from silver_oracle import contained, latest
from silver_references import Follower, Index
from silver_values import amount, day, moment

from a360.contract import engine_sql
from a360.fhir import compile_view

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"

type Row = dict[str, Any]

HOUSEKEEPING = ("version_id", "last_updated", "known_at", "commit_id", "deleted", "unresolved_references")
KNOWN_AT = moment("2026-01-02T03:04:05Z")


def dataset_files(zone: str) -> list[Path]:
    """The contract files of a zone."""
    return sorted((CONTRACTS / zone).glob("*.yaml"))


@cache
def contract(zone: str, name: str) -> Row:
    """A contract as it stands in its file."""
    return yaml.safe_load((CONTRACTS / zone / f"{name}.yaml").read_text(encoding="utf-8"))


def columns(zone: str, name: str) -> list[Row]:
    """The columns of a dataset."""
    return contract(zone, name)["schema"][0]["properties"]


def custom(node: Row, name: str) -> Any:
    """The value of a custom property; none where it is not given."""
    return next((p["value"] for p in node.get("customProperties", []) if p["property"] == name), None)


def datasets_of(making: str) -> list[str]:
    """The silver datasets that are made in this way: by `a360.view`, `a360.source` and so on."""
    return [file.stem for file in dataset_files("silver") if custom(contract("silver", file.stem), making)]


def views_of(name: str) -> list[Row]:
    """The views of a silver dataset."""
    named = custom(contract("silver", name), "a360.view")
    names = [named] if isinstance(named, str) else named
    return [json.loads((CONTRACTS / "views" / f"{view}.json").read_text(encoding="utf-8")) for view in names]


def resource_type_of(dataset: str) -> str:
    """The FHIR type a silver dataset is made of: Encounter for encounter."""
    return views_of(dataset)[0]["resource"]


_CASTS: dict[str, Callable[[Any], Any]] = {"date": day, "timestamptz": moment, "double": float}


def cast(value: Any, physical_type: str) -> Any:
    """A view's lexical value as the contract's type."""
    if value is None:
        return None
    if physical_type.startswith("decimal"):
        return amount(Decimal(value))
    return _CASTS.get(physical_type, lambda same: same)(value)


def view_rows(dataset: str, resources: Iterable[Row]) -> list[Row]:
    """The rows of a silver dataset by its compiled views, cast, with references followed to ids."""
    current = latest(resources)
    index = Index.of(current)
    by_type: dict[str, list[Row]] = {}
    for resource in [*current, *(inner for outer in current for inner in contained(outer))]:
        if "#" in resource["id"] and dataset == "identifier":
            continue
        by_type.setdefault(resource["resourceType"], []).append(resource)
    rows: list[Row] = []
    for view in views_of(dataset):
        rows += _rows_of(dataset, view, by_type.get(view["resource"], []), index)
    return rows


def _rows_of(dataset: str, view: Row, resources: list[Row], index: Index) -> list[Row]:
    """The rows of one view over resources of its type."""
    if not resources:
        return []
    compiled = compile_view(view, carry=["place"])
    structure = compiled.struct.duckdb_json().replace("'", "''")
    texts = [json.dumps(resource, default=_exact) for resource in resources]
    payloads = pa.table({"payload": texts, "place": range(len(texts))})
    with duckdb.connect() as session:
        session.register("payloads", payloads)
        session.execute(
            f"CREATE TEMP VIEW resources AS "
            f"SELECT place, from_json(payload, '{structure}') AS resource FROM payloads"
        )
        result = session.execute(compiled.sql)
        names = [entry[0] for entry in result.description]
        found = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    declared = {column["name"]: column for column in columns("silver", dataset)}
    return [_finished(row, declared, resources[row["place"]], index) for row in found]


def _exact(number: Any) -> float:
    """A decimal that prints as it was read: no number of the test data has more than 15 digits."""
    return float(number)


def _finished(row: Row, declared: dict[str, Row], resource: Row, index: Index) -> Row:
    """A row of the view as silver would hold it."""
    to = Follower(index, resource)
    finished = {}
    for name, value in row.items():
        if name == "place":
            continue
        leads = declared[name].get("relationships")
        if leads and value is not None and not declared[name].get("primaryKey"):
            target = leads[0]["to"].split(".")[0]
            finished[name] = to.one({"reference": value}, resource_type_of(target))
        else:
            finished[name] = cast(value, declared[name]["physicalType"])
    meta = resource.get("meta", {})
    return {
        **finished,
        "version_id": meta.get("versionId"),
        "last_updated": moment(meta.get("lastUpdated")),
        "unresolved_references": to.unresolved,
    }


_ARROW = {
    "string": pa.string(),
    "binary": pa.binary(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", "UTC"),
}


def arrow_type(physical_type: str) -> pa.DataType:
    """The Arrow type of a physical type."""
    if physical_type.startswith("decimal"):
        precision, scale = physical_type.removeprefix("decimal(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return _ARROW[physical_type]


def silver_tables(session: duckdb.DuckDBPyConnection, rows: dict[str, list[Row]], source: str) -> None:
    """Make the schema `silver` of these rows, as a lake would hold them."""
    session.execute("SET TimeZone = 'UTC'")
    session.execute("CREATE SCHEMA IF NOT EXISTS silver")
    beside = {"source": source, "known_at": KNOWN_AT, "commit_id": "c", "deleted": False, "is_current": True}
    for file in dataset_files("silver"):
        name = file.stem
        schema = pa.schema([(c["name"], arrow_type(c["physicalType"])) for c in columns("silver", name)])
        data = [{**beside, **row} for row in rows.get(name, [])]
        table = pa.Table.from_pylist([{n: row.get(n) for n in schema.names} for row in data], schema)
        session.register("incoming", table)
        session.execute(f"CREATE OR REPLACE TABLE silver.{name} AS SELECT * FROM incoming")
        session.unregister("incoming")


def models() -> list[str]:
    """The gold datasets that a model makes, each after those that it reads."""
    names = [each.stem for each in dataset_files("gold") if custom(contract("gold", each.stem), "a360.model")]
    read = {name: sorted(set(re.findall(r"\bgold\.(\w+)", model_text(name)))) for name in names}
    return list(TopologicalSorter(read).static_order())


def gold_tables(session: duckdb.DuckDBPyConnection) -> None:
    """Make the schema `gold`, by the models over the schema `silver`."""
    session.execute("CREATE SCHEMA gold")
    for name in models():
        session.execute(f"CREATE TABLE gold.{name} AS {model_sql(name)}")


@cache
def lake_of(origin: str) -> duckdb.DuckDBPyConnection:
    """Silver and gold of an input, in a session that lives as long as the process; nobody writes to it."""
    session = duckdb.connect()
    silver_tables(session, silver_of(origin), "s")
    gold_tables(session)
    return session


def model_text(name: str) -> str:
    """A gold model as it was written."""
    return (CONTRACTS / "models" / f"{name}.sql").read_text(encoding="utf-8")


def model_sql(name: str) -> str:
    """A gold model as DuckDB is given it."""
    return engine_sql(model_text(name), "duckdb")


def rows_in(session: duckdb.DuckDBPyConnection, table: str) -> list[Row]:
    """The rows of a table."""
    return session.sql(f"FROM {table}").to_arrow_table().to_pylist()
