"""Sealed columns, and what is told of a sealed text beside it."""

from collections.abc import Iterator

from a360.contract._faults import Fault
from a360.contract._lint_tags import IDENTIFIER
from a360.contract._load import COLUMNS, Dataset, LakeContracts
from a360.contract._odcs import LIFTED, Column

# measure of a text → the physical type it has
_TYPE_OF = {"sections": "string", "digest": "string", "characters": "long", "words": "long"}


def check_seals(contracts: LakeContracts) -> Iterator[Fault]:
    """What is sealed is told as such, and what is told of a sealed text stands beside it."""
    for dataset in contracts.datasets.values():
        for index, column in enumerate(dataset.columns):
            if dataset.sure(*COLUMNS, index, LIFTED):
                for message in _on(dataset, column):
                    yield dataset.fault_at(column.name, "C217", message)


def _on(dataset: Dataset, column: Column) -> Iterator[str]:
    sealed, derived = column.a360.seal, column.a360.derived
    if (sealed or derived) and (dataset.zone != "silver" or not dataset.contract.a360.views):
        yield f"{column.name}: a360.seal and a360.derived belong to silver datasets that are made by views"
        return
    if sealed is not None:
        if (column.physical_type, column.a360.sensitivity) != ("binary", IDENTIFIER):
            yield f"{column.name} is sealed, and is no binary column of sensitivity {IDENTIFIER}"
        media = dataset.column(sealed)
        if media is None or media.physical_type != "string":
            yield f"{column.name}: a360.seal names no column of text, that of the media type"
    if derived is not None:
        text = dataset.column(derived.of)
        if text is None or text.a360.seal is None:
            yield f"{column.name}: a360.derived is of no sealed column"
        elif column.physical_type != _TYPE_OF[derived.measure]:
            yield f"{column.name}: {derived.measure} have the physical type {_TYPE_OF[derived.measure]}"
