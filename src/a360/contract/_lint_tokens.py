"""Rules that would judge the form of a value where the lake holds a token in its place."""

from collections.abc import Iterator

from a360.contract._checks_of import options
from a360.contract._faults import Fault
from a360.contract._lint_tags import IDENTIFIER
from a360.contract._load import COLUMNS, Dataset, LakeContracts
from a360.contract._odcs import LIFTED, Column
from a360.contract._yaml import Loc

_OF_VALUES = frozenset({"invalidValues", "missingValues", "distributionChange"})
_FIX = "ask for presence (nullValues) or uniqueness, or have the source judge the form"


def check_tokens(contracts: LakeContracts) -> Iterator[Fault]:
    """No rule looks at the form of a tokenised column: it could never hold, or always would."""
    for dataset in contracts.datasets.values():
        if dataset.zone == "bronze":
            continue
        for index, column in enumerate(dataset.columns):
            here = (*COLUMNS, index)
            if column.a360.sensitivity == IDENTIFIER and dataset.sure(*here, LIFTED):
                yield from _on_tokens(dataset, column, here)


def _on_tokens(dataset: Dataset, column: Column, here: Loc) -> Iterator[Fault]:
    message = f"{column.name} is an identifier, and holds tokens in place of the values this rule judges"
    if any(options(column)):
        key = "enum" if column.enum else "logicalTypeOptions"
        yield dataset.fault("C606", message, *here, key, fix=_FIX)
    for number, quality in enumerate(column.quality):
        implementation = quality.implementation
        metric = implementation.get("metric") if isinstance(implementation, dict) else quality.metric
        if metric in _OF_VALUES and quality.type != "text":
            yield dataset.fault("C606", message, *here, "quality", number, fix=_FIX)
