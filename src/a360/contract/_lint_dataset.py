"""Checks of one dataset alone: names, types, key, layout, housekeeping."""

import re
from collections import Counter
from collections.abc import Iterator

from a360.contract._derived import HISTORY_COLUMN, HOUSEKEEPING, LOADED
from a360.contract._faults import Fault
from a360.contract._layout import parse_partition, parse_sort, partition_fits
from a360.contract._load import COLUMNS, Dataset, LakeContracts
from a360.contract._odcs import LIFTED, Column, TypeOptions
from a360.contract._refresh import parse_refresh
from a360.contract._types import LOGICAL_TYPES, parse_type
from a360.contract._yaml import Loc

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TYPES = "string, boolean, int, long, double, decimal(p,s), date, timestamptz, binary"

# property → the zone it belongs to, and whether a dataset there must have it
_OF_ZONE = {
    "view": ("silver", True),
    "source": ("silver", False),
    "history": ("silver", False),
    "model": ("gold", True),
    "refresh": ("gold", True),
    "features": ("gold", False),
}


def check_datasets(contracts: LakeContracts) -> Iterator[Fault]:
    """Every fault of every dataset taken alone, and datasets that are declared twice."""
    yield from _duplicates(contracts)
    for dataset in contracts.datasets.values():
        yield from _names(dataset)
        yield from _zone(dataset)
        yield from _columns(dataset)
        yield from _key(dataset)
        yield from _housekeeping(dataset)
        yield from _layout(dataset)
        yield from _refresh(dataset)


def custom(dataset: Dataset, name: str) -> Loc:
    """Where an `a360.` property of a dataset stands, or the place of them all."""
    entries = dataset.source.data.get("customProperties")
    names = [
        entry.get("property") if isinstance(entry, dict) else None
        for entry in (entries if isinstance(entries, list) else ())
    ]
    wanted = LIFTED + name
    return ("customProperties", names.index(wanted)) if wanted in names else ("customProperties",)


def _duplicates(contracts: LakeContracts) -> Iterator[Fault]:
    first: dict[str, Dataset] = {}
    for dataset in contracts.datasets.values():
        if not dataset.sure("id"):
            continue
        known = first.setdefault(dataset.contract.id, dataset)
        if known is not dataset:
            message = f"{dataset.contract.id} is declared in {known.source.label} too"
            yield dataset.fault("C202", message, "id", fix="keep one of the two")


def _names(dataset: Dataset) -> Iterator[Fault]:
    contract = dataset.contract
    if not _NAME.fullmatch(dataset.short):
        yield dataset.fault("C201", f"a file named {dataset.short} gives no lower snake case dataset name")
    expected: tuple[tuple[Loc, str, str], ...] = (
        (("id",), contract.id, dataset.name),
        (("name",), contract.name, dataset.short),
        (("schema", 0, "name"), contract.table.name, dataset.short),
        (("schema", 0, "physicalName"), contract.table.physical_name, dataset.name),
    )
    for loc, found, wanted in expected:
        if found != wanted and dataset.sure(*loc):
            yield dataset.fault("C201", f"{loc[-1]} is {found}", *loc, fix=f"write {wanted}, after the file")
    if contract.a360.zone != dataset.zone and dataset.sure(LIFTED, "zone"):
        message = f"a360.zone is {contract.a360.zone}"
        yield dataset.fault("C201", message, *custom(dataset, "zone"), fix=f"write {dataset.zone}")


def _zone(dataset: Dataset) -> Iterator[Fault]:
    own = dataset.contract.a360
    if dataset.is_reference and dataset.sure(LIFTED, "reference"):
        yield from _reference(dataset)
        return
    for name, (zone, needed) in _OF_ZONE.items():
        if not dataset.sure(LIFTED, name):
            continue
        given = bool(getattr(own, name))
        if given and dataset.zone != zone:
            message = f"a360.{name} belongs to {zone} datasets"
            yield dataset.fault("C210", message, *custom(dataset, name), fix="remove it")
        elif needed and not given and dataset.zone == zone and not (name == "view" and own.source):
            either = "a360.view, or a360.source" if name == "view" else f"a360.{name}"
            yield dataset.fault("C112", f"a {zone} dataset has {either}", "customProperties", fix="add it")
    if dataset.zone == "bronze":
        yield from _no_rules(dataset)


def _reference(dataset: Dataset) -> Iterator[Fault]:
    """Reference data is loaded into silver or gold: nothing that computes rows belongs to it."""
    if dataset.zone == "bronze":
        message = "a360.reference belongs to silver and gold datasets"
        yield dataset.fault("C210", message, *custom(dataset, "reference"), fix="remove it")
    for name in _OF_ZONE:
        if getattr(dataset.contract.a360, name):
            message = f"reference data is loaded, and a360.{name} computes it"
            yield dataset.fault("C210", message, *custom(dataset, name), fix="remove one of the two")


def _no_rules(dataset: Dataset) -> Iterator[Fault]:
    message = "bronze takes what it is sent; no step would check this rule"
    fix = "put it on the silver dataset"
    for index, column in enumerate(dataset.columns):
        options = column.logical_type_options != TypeOptions()
        if options or column.enum or column.unique or any(rule.type != "text" for rule in column.quality):
            yield dataset.fault("C601", message, *COLUMNS, index, fix=fix)
    if any(rule.type != "text" for rule in dataset.contract.table.quality):
        yield dataset.fault("C601", message, "schema", 0, "quality", fix=fix)


def _columns(dataset: Dataset) -> Iterator[Fault]:
    counted = Counter(column.name for column in dataset.columns)
    seen: set[str] = set()
    for index, column in enumerate(dataset.columns):
        here = (*COLUMNS, index)
        if not _NAME.fullmatch(column.name):
            message = f"{column.name!r} is no column name"
            yield dataset.fault("C206", message, *here, "name", fix="use lower snake case, 63 at most")
        if column.name in seen:
            message = f"{column.name} stands {counted[column.name]} times"
            yield dataset.fault("C206", message, *here, "name", fix="keep one of them")
        seen.add(column.name)
        yield from _type(dataset, column, here)


def _type(dataset: Dataset, column: Column, here: Loc) -> Iterator[Fault]:
    if not (dataset.sure(*here, "physicalType") and dataset.sure(*here, "logicalType")):
        return
    parsed = parse_type(column.physical_type)
    if parsed is None:
        message = f"{column.physical_type!r} is no physical type"
        yield dataset.fault("C207", message, *here, "physicalType", fix=f"use one of {_TYPES}")
    elif column.logical_type not in LOGICAL_TYPES[parsed.name]:
        message = f"{column.name} is a {column.logical_type} stored as {parsed}"
        fix = f"write logicalType: {LOGICAL_TYPES[parsed.name][0]}"
        yield dataset.fault("C208", message, *here, "logicalType", fix=fix)


def _key(dataset: Dataset) -> Iterator[Fault]:
    keyed = [(i, column) for i, column in enumerate(dataset.columns) if column.primary_key]
    if not keyed and dataset.sure(*COLUMNS):
        yield dataset.fault("C203", "no column is a primary key", *COLUMNS, fix="mark the columns of the key")
    for index, column in keyed:
        if not column.required and dataset.sure(*COLUMNS, index, "required"):
            message = f"{column.name} is in the key and may be null"
            yield dataset.fault("C204", message, *COLUMNS, index, fix="write required: true")
    positions = [column.primary_key_position for _, column in keyed]
    alone = positions == [None]
    if keyed and not alone and Counter(positions) != Counter(range(1, len(keyed) + 1)):
        found = ", ".join(f"{column.name}: {column.primary_key_position}" for _, column in keyed)
        message = f"the key's positions are not 1 to {len(keyed)}: {found}"
        yield dataset.fault("C204", message, *COLUMNS, keyed[0][0], fix="set primaryKeyPosition")
    for index, column in enumerate(dataset.columns):
        if column.primary_key_position is not None and not column.primary_key:
            message = f"{column.name} has a primaryKeyPosition and is not in the key"
            yield dataset.fault("C204", message, *COLUMNS, index, "primaryKeyPosition")


def _housekeeping(dataset: Dataset) -> Iterator[Fault]:
    if dataset.is_reference:
        # The tables of OMOP have the columns that its model gives them, and no others.
        wanted = () if dataset.contract.a360.reference == "omop" else LOADED
    elif dataset.zone == "silver":
        wanted = (*HOUSEKEEPING, HISTORY_COLUMN) if dataset.contract.a360.history else HOUSEKEEPING
    else:
        return
    for name, type_, required in wanted:
        column = dataset.column(name)
        fix = f"declare it as {type_}, required: {str(required).lower()}"
        if column is None:
            yield dataset.fault("C205", f"the column {name} is missing", *COLUMNS, fix=fix)
        elif (column.physical_type, column.required) != (type_, required):
            yield dataset.fault_at(name, "C205", f"{name} differs from what refine writes", fix=fix)


def _layout(dataset: Dataset) -> Iterator[Fault]:
    own = dataset.contract.a360
    for text in own.partition:
        partition = parse_partition(text)
        column = dataset.column(partition.column) if partition else None
        type_ = parse_type(column.physical_type) if column else None
        if partition is None or column is None or (type_ and not partition_fits(partition, type_)):
            message = f"partitioning by {text!r} names no column, or no transform for its type"
            yield dataset.fault("C209", message, *custom(dataset, "partition"))
    for text in own.sort:
        sort = parse_sort(text)
        if sort is None or dataset.column(sort.column) is None:
            message = f"sorting by {text!r} names no column"
            yield dataset.fault(
                "C209", message, *custom(dataset, "sort"), fix="write `column` or `column desc`"
            )


def _refresh(dataset: Dataset) -> Iterator[Fault]:
    text = dataset.contract.a360.refresh
    if text is None or dataset.zone != "gold":
        return
    refresh = parse_refresh(text)
    unknown = [name for name in refresh.columns if dataset.column(name) is None] if refresh else []
    if refresh is None or unknown:
        message = f"there is no column {unknown[0]}" if unknown else f"{text!r} is no refresh"
        fix = "write `replace` or `by_key(column)`"
        yield dataset.fault("C604", message, *custom(dataset, "refresh"), fix=fix)
