"""Checks of models against the contracts they read and make: names, types, and what engines read alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlglot
from sqlglot import exp

from a360.contract import _sql
from a360.contract._faults import Fault
from a360.contract._load import Dataset, LakeContracts, TextFile, read_folder
from a360.contract._portable import divergences
from a360.contract._portable_text import mended, null_orders
from a360.contract._typed_sql import (
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
    for fix in null_orders(model.text):
        message = f"{fix.said.removesuffix(' NULLS LAST')} does not say where NULLs go, and engines differ"
        yield model.fault(
            "C708", message, fix.line, "add NULLS LAST, as DuckDB sorts; `a360 lint --fix` does"
        )
    try:
        query = typed_query(model.text, columns)
    except UnresolvedError as error:
        yield from _unresolved(model, error)
        return
    written = sqlglot.parse_one(model.text, dialect=_sql.DIALECT)
    for each in divergences(query, written=written):
        yield model.fault(each.code, each.message, each.line, each.fix)
    yield from _types(dataset, model, query)


def _unresolved(model: TextFile, error: UnresolvedError) -> Iterator[Fault]:
    for each in error.faults:
        if each.ambiguous:
            message = f"{each.name} is a column of {' and of '.join(each.candidates)}"
            fix = f"write {each.candidates[0]}.{each.name}, or the other"
            yield model.fault("C532", message, each.line, fix)
        else:
            yield model.fault("C531", f"the model looks at {each.name}, which is not there", each.line)


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


def _types(dataset: Dataset, model: TextFile, query: exp.Query) -> Iterator[Fault]:
    seen: set[str] = set()
    for select in query.selects:
        column, given = dataset.column(select.alias_or_name), physical_type_of(select)
        if select.alias_or_name in seen:
            message = f"the model gives {select.alias_or_name} twice"
            yield model.fault("C534", message, line_of(select), "give one of them another name")
        seen.add(select.alias_or_name)
        wanted = parse_type(column.physical_type) if column else None
        if given is not None and wanted is not None and str(wanted) != given:
            message = f"the model gives {select.alias_or_name} as {given}, and {dataset.name} has {wanted}"
            fix = f"CAST(… AS {_spelled(str(wanted))}), or correct the contract"
            yield model.fault("C533", message, line_of(select), fix)


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
