"""Checks of field ids against each other and against the ledger of all ids ever given."""

from collections.abc import Iterator, Mapping

from a360.contract._faults import Fault
from a360.contract._load import COLUMNS, LEDGER_FILE, Dataset, LakeContracts
from a360.contract._odcs import LIFTED

_ASSIGN = "run `a360 lint --fix`, which gives ids and keeps the ledger"


def check_ids(contracts: LakeContracts) -> Iterator[Fault]:
    """Every column has an id of its own for ever, and the ledger knows it."""
    for dataset in contracts.datasets.values():
        yield from _within(dataset)
        entries = contracts.ledger.get(dataset.name)
        if entries is None:
            message = f"{LEDGER_FILE} has no entry for {dataset.name}"
            yield dataset.fault("C405", message, fix=_ASSIGN)
        else:
            yield from _against(dataset, entries)


def _within(dataset: Dataset) -> Iterator[Fault]:
    taken: dict[int, str] = {}
    for index, column in enumerate(dataset.columns):
        number = column.a360.field_id
        if number is None:
            if dataset.sure(*COLUMNS, index, LIFTED):
                message = f"the column {column.name} has no a360.fieldId"
                yield dataset.fault("C401", message, *COLUMNS, index, fix=_ASSIGN)
        elif number in taken:
            message = f"{column.name} and {taken[number]} have the field id {number}"
            yield dataset.fault("C402", message, *COLUMNS, index, fix="remove it from the newer column")
        else:
            taken[number] = column.name


def _against(dataset: Dataset, entries: Mapping[str, int]) -> Iterator[Fault]:
    owners: dict[int, list[str]] = {}
    for name, known in entries.items():
        owners.setdefault(known, []).append(name)
    for index, column in enumerate(dataset.columns):
        number = column.a360.field_id
        if number is None:
            continue
        here = (*COLUMNS, index)
        if column.name in entries:
            if entries[column.name] != number:
                message = f"{column.name} has the field id {number}; the ledger says {entries[column.name]}"
                yield dataset.fault("C404", message, *here, fix=f"write {entries[column.name]}")
        elif number in owners:
            message = f"{column.name} takes the field id {number} of {owners[number][0]}"
            fix = (
                f"for a new column remove the id; for a rename add `{column.name}: {number}` to {LEDGER_FILE}"
            )
            yield dataset.fault("C403", message, *here, fix=fix)
        else:
            message = f"the ledger does not have {column.name}: {number}"
            yield dataset.fault("C405", message, *here, fix=_ASSIGN)
