"""Checks of sensitivities and tags against the vocabularies of `lake.yaml`."""

from collections.abc import Iterator

from a360.contract._derived import ops_relations, ops_tables, quarantine_table
from a360.contract._faults import Fault
from a360.contract._lakefile import SENSITIVITY, LakeFile
from a360.contract._load import COLUMNS, Dataset, LakeContracts
from a360.contract._odcs import LIFTED, Column
from a360.contract._references import split_target
from a360.contract._yaml import Loc

IDENTIFIER = "identifier"


def check_tags(contracts: LakeContracts) -> Iterator[Fault]:
    """Every column has a known sensitivity; every tag is in a vocabulary."""
    targets = _targets(contracts)
    for dataset in contracts.datasets.values():
        for loc, tags in _tag_lists(dataset):
            yield from _twice(dataset, loc, tags)
            for index, tag in enumerate(tags):
                if not known_tag(contracts.lake, tag):
                    message = f"the tag {tag!r} is in no vocabulary of lake.yaml"
                    fix = "write it as key:value, or add it there"
                    yield dataset.fault("C303", message, *loc, "tags", index, fix=fix)
        for index, column in enumerate(dataset.columns):
            if dataset.sure(*COLUMNS, index, LIFTED):
                keyed = column.primary_key or bool(column.relationships)
                keyed = keyed or (dataset.name, column.name) in targets
                yield from _sensitivity(contracts, dataset, column, keyed=keyed)


def _twice(dataset: Dataset, loc: Loc, tags: tuple[str, ...]) -> Iterator[Fault]:
    keys = [tag.partition(":")[0] for tag in tags]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        message, fix = f"two values of the tag {key} on one thing", "keep one: a tag has one value"
        yield dataset.fault("C310", message, *loc, "tags", fix=fix)


def known_tag(lake: LakeFile, tag: str) -> bool:
    """Whether a tag is `key:value` of a vocabulary."""
    key, _, value = tag.partition(":")
    return key != SENSITIVITY and key in lake.tags and value in lake.tags[key].values


def _tag_lists(dataset: Dataset) -> Iterator[tuple[Loc, tuple[str, ...]]]:
    yield (), dataset.contract.tags
    yield ("schema", 0), dataset.contract.table.tags
    for index, column in enumerate(dataset.columns):
        yield (*COLUMNS, index), column.tags


def _targets(contracts: LakeContracts) -> set[tuple[str, str]]:
    return {
        (target, name)
        for dataset in contracts.datasets.values()
        for column in dataset.columns
        for relationship in column.relationships
        for target, name in [split_target(contracts, dataset, relationship.to)]
        if target
    }


def _sensitivity(
    contracts: LakeContracts, dataset: Dataset, column: Column, *, keyed: bool
) -> Iterator[Fault]:
    known, own = contracts.lake.sensitivities, column.a360
    if own.sensitivity is None:
        message = f"the column {column.name} has no sensitivity"
        fix = f"add a360.sensitivity, one of {', '.join(known)}"
        yield dataset.fault_at(column.name, "C301", message, fix=fix)
    elif own.sensitivity not in known:
        message = f"{own.sensitivity!r} is no sensitivity"
        yield dataset.fault_at(column.name, "C302", message, fix=f"use one of {', '.join(known)}")
    elif own.sensitivity == IDENTIFIER and keyed and not own.token and dataset.zone != "bronze":
        message = f"{column.name} is joined by, and names no token domain"
        fix = "add a360.token, the same on both sides of the join"
        yield dataset.fault_at(column.name, "C304", message, fix=fix)
    elif own.sensitivity != IDENTIFIER and own.token:
        message = f"{column.name} has a token domain and is not an identifier"
        yield dataset.fault_at(column.name, "C305", message, fix="remove a360.token")


def check_shares(contracts: LakeContracts) -> Iterator[Fault]:
    """What environments share exists."""
    datasets, _ = all_names(contracts)
    for environment, source in contracts.environments.values():
        for i, share in enumerate(environment.sharing):
            for name in share.datasets:
                if name not in datasets:
                    yield source.fault("C306", f"there is no dataset {name}", "sharing", i, "datasets")
            for tag in share.tags:
                if not known_tag(contracts.lake, tag):
                    yield source.fault("C303", f"the tag {tag!r} is in no vocabulary", "sharing", i, "tags")


def all_names(contracts: LakeContracts) -> tuple[set[str], set[str]]:
    """The full names of all datasets and of all columns, declared and derived."""
    refusing = {dataset.short for dataset in contracts.datasets.values() if dataset.can_refuse}
    derived = (*ops_tables(), *ops_relations(), *map(quarantine_table, sorted(refusing)))
    datasets = {*contracts.datasets, *contracts.unreadable, *(table.dataset for table in derived)}
    columns = {f"{table.dataset}.{column.name}" for table in derived for column in table.columns}
    for dataset in contracts.datasets.values():
        columns |= {f"{dataset.name}.{column.name}" for column in dataset.columns}
    return datasets, columns
