"""Feature tables that no feature store could hold."""

from collections.abc import Iterator
from typing import Final

from a360.contract._faults import Fault
from a360.contract._lint_dataset import custom
from a360.contract._load import Dataset, LakeContracts
from a360.contract._odcs import LIFTED
from a360.contract._plan import FEATURE_TIME
from a360.contract._rulebook import key_of
from a360.contract._types import parse_type

# Names that SageMaker's Feature Store has for columns of its own, and the one that says since when.
_TAKEN: Final = frozenset({FEATURE_TIME, "is_deleted", "write_time", "api_invocation_time"})
_NAMING: Final = frozenset({"string", "int", "long"})
_MOST: Final = 2_499  # a feature group has 2,500 features, and one is the time


def check_features(contracts: LakeContracts) -> Iterator[Fault]:
    """What is wrong with the feature tables that contracts declare."""
    for dataset in contracts.datasets.values():
        if dataset.contract.a360.features and dataset.sure(LIFTED, "features"):
            yield from _record(dataset)
            yield from _columns(dataset)


def _record(dataset: Dataset) -> Iterator[Fault]:
    """One column names what the features are of; a store finds a record by nothing else."""
    key = key_of(dataset)
    types = {column.name: parse_type(column.physical_type) for column in dataset.columns}
    named = types.get(key[0]) if len(key) == 1 else None
    if named is None or named.name not in _NAMING:
        message = f"the features of {dataset.name} are found by {', '.join(key) or 'nothing'}"
        fix = "make a model with one row for each thing, whose key is one column: a string or a whole number"
        yield dataset.fault("C331", message, *custom(dataset, "features"), fix=fix)


def _columns(dataset: Dataset) -> Iterator[Fault]:
    for column in dataset.columns:
        type_ = parse_type(column.physical_type)
        if column.name in _TAKEN:
            message = f"{column.name} is a column that feature stores have themselves"
            yield dataset.fault_at(column.name, "C331", message, fix="call it something else")
        elif type_ is not None and type_.name == "binary":
            message = f"{column.name} is binary, and a feature is a number or a text"
            yield dataset.fault_at(column.name, "C331", message, fix="leave it out of the feature table")
    if len(dataset.columns) > _MOST:
        message = f"{dataset.name} has {len(dataset.columns)} columns, and a feature store takes {_MOST}"
        yield dataset.fault("C331", message, *custom(dataset, "features"), fix="divide it")
