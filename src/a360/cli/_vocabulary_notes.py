"""What a person is told of vocabularies after a run or a check, beside what was asked for."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from a360.cli._text import number
from a360.operate import OMOP_COVERAGE

if TYPE_CHECKING:
    from a360.lake import Lake


def vocabulary_notes(lake: "Lake", datasets: Collection[str]) -> list[str]:
    """Which vocabularies the rules of these datasets need and lack, and the share of records OMOP's know."""
    omop = _omop(lake) if OMOP_COVERAGE in datasets else []
    return [*missing_notes(lake, datasets), *omop]


def missing_notes(lake: "Lake", datasets: Collection[str] | None = None) -> list[str]:
    """A warning for each vocabulary that rules of datasets, or of all, need and that is not loaded."""
    return [
        f"Warning: {uri} is not loaded, so that no code of {', '.join(datasets)} is looked up in it"
        for uri, datasets in lake.terminology.missing(datasets)
    ]


def _omop(lake: "Lake") -> list[str]:
    found = lake.omop_coverage()
    if found is None or not found.total:
        return []
    if found.nothing_is_mapped:
        warning = f"WARNING: OMOP: none of {number(found.total)} coded records maps to a standard concept"
        return [f"{warning}; no analysis will find anything. Next: a360 terminology load omop FOLDER"]
    parts = [
        f"{kind.replace('_', ' ')} {100 * found.mapped[kind] // count} %"
        for kind, count in found.records.items()
        if count
    ]
    share = 100 * found.total_mapped // found.total
    told = f"OMOP: {number(found.total_mapped)} of {number(found.total)} coded records mapped ({share} %)"
    return [f"{told}: {', '.join(parts)}"]
