"""Checks of what contracts point to: other datasets, views, models."""

from collections.abc import Iterator
from typing import Any

from a360.contract._derived import HISTORY_COLUMN, HOUSEKEEPING, SURVIVOR_COLUMN
from a360.contract._faults import Fault
from a360.contract._lint_dataset import custom
from a360.contract._load import COLUMNS, Dataset, LakeContracts, TextFile, parse_json
from a360.contract._odcs import Column
from a360.contract._references import split_target
from a360.contract._yaml import Loc

_NOT_IN_VIEWS = frozenset(
    {"source", SURVIVOR_COLUMN, HISTORY_COLUMN[0], *(name for name, _, _ in HOUSEKEEPING)}
)


def check_relationships(contracts: LakeContracts) -> Iterator[Fault]:
    """Every relationship leads to a key column of the same type and token domain."""
    for dataset in contracts.datasets.values():
        for index, column in enumerate(dataset.columns):
            for number, relationship in enumerate(column.relationships):
                here = (*COLUMNS, index, "relationships", number)
                yield from _relationship(contracts, dataset, column, relationship.to, here)


def _relationship(
    contracts: LakeContracts, dataset: Dataset, column: Column, to: str, here: Loc
) -> Iterator[Fault]:
    name, target_name = split_target(contracts, dataset, to)
    if name is None:
        yield dataset.fault("C501", f"{to} leads to no declared dataset", *here)
        return
    if name in contracts.unreadable:
        return
    target = contracts.datasets[name].column(target_name)
    if target is None:
        yield dataset.fault("C502", f"{name} has no column {target_name}", *here)
        return
    differs = {
        "no key": not target.primary_key,
        f"a {target.physical_type}": target.physical_type != column.physical_type,
        f"of token domain {target.a360.token}": target.a360.token != column.a360.token,
    }
    for what in (what for what, true in differs.items() if true):
        yield dataset.fault("C503", f"{column.name} leads to {name}.{target_name}, which is {what}", *here)


def check_views(contracts: LakeContracts) -> Iterator[Fault]:
    """Every view is there, can be read, and gives the columns its contract has."""
    for dataset in contracts.datasets.values():
        if dataset.zone != "silver":
            continue
        for name in dataset.contract.a360.views:
            view = contracts.views.get(name)
            if view is None:
                message = f"there is no file views/{name}.json"
                yield dataset.fault(
                    "C511", message, *custom(dataset, "view"), fix="write it, or name another"
                )
            else:
                yield from _columns_differ(dataset, view)
    for view in contracts.views.values():
        yield from _definition(view)


def _definition(view: TextFile) -> Iterator[Fault]:
    definition, line, problem = parse_json(view.text)
    if problem:
        yield view.fault("C512", f"not JSON: {problem}", line)
    elif not isinstance(definition, dict) or definition.get("resourceType") != "ViewDefinition":
        yield view.fault("C512", "the resourceType is not ViewDefinition")
    elif not isinstance(definition.get("resource"), str):
        yield view.fault("C512", "`resource` does not name a FHIR resource type")
    elif view_columns(definition) is None:
        yield view.fault("C512", "`select` holds no columns with names")


def _columns_differ(dataset: Dataset, view: TextFile) -> Iterator[Fault]:
    definition, _, problem = parse_json(view.text)
    given = view_columns(definition) if isinstance(definition, dict) and not problem else None
    if given is None:
        return
    filled = {*_NOT_IN_VIEWS, *(column.name for column in dataset.columns if column.a360.derived)}
    for name in dict.fromkeys(given):
        if dataset.column(name) is None or name in filled:
            line = _line_of(view.text, name)
            why = "refine fills in" if name in filled else f"{dataset.name} does not have"
            yield view.fault("C513", f"the view gives {name}, which {why}", line)
    for column in dataset.columns:
        if column.name not in given and column.name not in filled:
            message = f"the view {view.name} does not give {column.name}"
            yield dataset.fault_at(column.name, "C513", message, fix=f"add the column to {view.label}")


def view_columns(definition: dict[str, Any]) -> list[str] | None:
    """The names of a ViewDefinition's columns; none where its selects are not well formed."""
    return _selects(definition.get("select"))


def _selects(selects: object) -> list[str] | None:
    if not isinstance(selects, list) or not selects:
        return None
    names: list[str] = []
    for select in selects:
        if not isinstance(select, dict):
            return None
        found = _select(select)
        if found is None:
            return None
        names += found
    return names


def _select(select: dict[str, Any]) -> list[str] | None:
    columns = select.get("column", [])
    if not isinstance(columns, list):
        return None
    names = [column.get("name") if isinstance(column, dict) else None for column in columns]
    if not all(isinstance(name, str) for name in names):
        return None
    inner = _selects(select["select"]) if "select" in select else []
    branches = select.get("unionAll")
    union = _selects(branches[:1]) if isinstance(branches, list) else []
    if inner is None or union is None:
        return None
    return [*(str(name) for name in names), *inner, *union]


def _line_of(text: str, name: str) -> int:
    """The line on which a JSON text first says a column's name."""
    place = text.find(f'"{name}"')
    return text.count("\n", 0, place) + 1 if place >= 0 else 1


def check_files_used(contracts: LakeContracts) -> Iterator[Fault]:
    """Every model is there; no view or model lies unused."""
    for dataset in contracts.datasets.values():
        model = dataset.contract.a360.model
        if model is not None and model not in contracts.models:
            message, place = f"there is no file models/{model}.sql", custom(dataset, "model")
            yield dataset.fault("C521", message, *place, fix="write it, or name another")
    used = {name for dataset in contracts.datasets.values() for name in _named(dataset)}
    for zone, files in (("silver", contracts.views), ("gold", contracts.models)):
        if _may_use_more(contracts, zone, {*contracts.views, *contracts.models}):
            continue
        for name, file in files.items():
            if name not in used:
                fix = "name it in a contract, or remove it"
                yield file.fault("C514", f"no contract uses {name}", fix=fix)


def _named(dataset: Dataset) -> tuple[str, ...]:
    own = dataset.contract.a360
    return (*own.views, own.model) if own.model else own.views


def _may_use_more(contracts: LakeContracts, zone: str, files: set[str]) -> bool:
    """Whether a contract of the zone cannot be read, or names nothing that exists, and may mean the rest."""
    if any(name.startswith(f"{zone}.") for name in contracts.unreadable):
        return True
    here = (
        dataset
        for dataset in contracts.datasets.values()
        if dataset.zone == zone and not dataset.is_reference
    )
    return any(not files.intersection(_named(dataset)) for dataset in here)
