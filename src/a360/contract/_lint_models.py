"""Checks of models against the contracts they read and make: names, types, and what engines read alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import sqlglot
from sqlglot import exp

from a360.contract import _sql
from a360.contract._faults import Fault
from a360.contract._load import Dataset, LakeContracts, TextFile, read_folder
from a360.contract._portable import divergences
from a360.contract._portable_text import mended, null_orders
from a360.contract._typed_sql import (
    Columns,
    UnresolvedError,
    line_of,
    physical_type_of,
    typed_query,
)
from a360.contract._types import parse_type
from a360.files import write_whole


def check_models(contracts: LakeContracts) -> Iterator[Fault]:
    """What is wrong inside of the models that can be read."""
    for dataset in contracts.datasets.values():
        model = contracts.models.get(dataset.contract.a360.model or "")
        if dataset.zone == "gold" and model is not None:
            yield from _check_model(contracts, dataset, model)


def _check_model(contracts: LakeContracts, dataset: Dataset, model: TextFile) -> Iterator[Fault]:
    columns = upstream_columns(contracts, model)
    if columns is None:
        return  # the other checks tell why
    read = tuple((name, tuple(found.items())) for name, found in columns.items())
    made = tuple((column.name, column.physical_type) for column in dataset.columns)
    for said in _said_of(model.text, read, dataset.name, made):
        yield model.fault(*said)


type _Said = tuple[str, str, int, str]
"""A fault of a model: code, message, line, and how to mend it."""

type _Read = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@lru_cache(maxsize=256)
def _said_of(text: str, read: _Read, name: str, made: tuple[tuple[str, str], ...]) -> tuple[_Said, ...]:
    """What is wrong inside of a model that reads and makes these columns.

    It is remembered by all that it depends on: a process that works in lakes of the same contracts looks at
    each model once.
    """
    return tuple(_faults(text, {each: dict(found) for each, found in read}, name, dict(made)))


def _faults(text: str, columns: Columns, name: str, made: Mapping[str, str]) -> Iterator[_Said]:
    for fix in null_orders(text):
        message = f"{fix.said.removesuffix(' NULLS LAST')} does not say where NULLs go, and engines differ"
        yield "C708", message, fix.line, "add NULLS LAST, as DuckDB sorts; `a360 lint --fix` does"
    try:
        query = typed_query(text, columns)
    except UnresolvedError as error:
        yield from _unresolved(error)
        return
    written = sqlglot.parse_one(text, dialect=_sql.DIALECT)
    for each in divergences(query, written=written):
        yield each.code, each.message, each.line, each.fix
    yield from _types(name, made, query)


def _unresolved(error: UnresolvedError) -> Iterator[_Said]:
    for each in error.faults:
        if each.ambiguous:
            message = f"{each.name} is a column of {' and of '.join(each.candidates)}"
            yield "C532", message, each.line, f"write {each.candidates[0]}.{each.name}, or the other"
        else:
            yield "C531", f"the model looks at {each.name}, which is not there", each.line, ""


def upstream_columns(contracts: LakeContracts, model: TextFile) -> Mapping[str, Mapping[str, str]] | None:
    """The columns of the datasets that a model reads, with their types; None where they are not known."""
    try:
        names = _sql.read_select(model.text).datasets
    except _sql.SqlError:
        return None
    if any(name not in contracts.datasets for name in names):
        return None
    found = {}
    for name in names:
        types = {column.name: parse_type(column.physical_type) for column in contracts.datasets[name].columns}
        found[name] = {column: str(kind) for column, kind in types.items() if kind is not None}
    return found


def _types(name: str, made: Mapping[str, str], query: exp.Query) -> Iterator[_Said]:
    seen: set[str] = set()
    for select in query.selects:
        column, given = select.alias_or_name, physical_type_of(select)
        if column in seen:
            message = f"the model gives {column} twice"
            yield "C534", message, line_of(select), "give one of them another name"
        seen.add(column)
        wanted = parse_type(made[column]) if column in made else None
        if given is not None and wanted is not None and str(wanted) != given:
            message = f"the model gives {column} as {given}, and {name} has {wanted}"
            yield (
                "C533",
                message,
                line_of(select),
                f"CAST(… AS {_spelled(str(wanted))}), or correct the contract",
            )


def _spelled(kind: str) -> str:
    return {"string": "VARCHAR", "long": "BIGINT"}.get(kind, kind.upper())


@dataclass(frozen=True, slots=True)
class ModelFix:
    """One thing that was mended in a model."""

    file: str
    line: int
    said: str


def mend_models(folder: Path | str) -> Iterator[ModelFix]:
    """Mend the models of a folder where that is certain to change nothing that DuckDB computes."""
    contracts = read_folder(Path(folder), packs=None).contracts
    for dataset in contracts.datasets.values():
        model = contracts.models.get(dataset.contract.a360.model or "")
        if dataset.zone != "gold" or model is None:
            continue
        columns = upstream_columns(contracts, model)
        if columns is None:
            continue
        text, fixes = mended(model.text, columns)
        if fixes:
            write_whole(Path(model.label), text, private=False)
        for fix in fixes:
            yield ModelFix(model.label, fix.line, fix.said)
