"""How much of a lake's records OMOP's vocabularies know: the figure that says what analyses will find."""

from collections.abc import Mapping
from dataclasses import dataclass

from a360.contract import LakePlan
from a360.table import Tables

OMOP_COVERAGE = "gold.omop_mapping_coverage"


@dataclass(frozen=True, slots=True)
class OmopCoverage:
    """Coded records that CDM has a place for, and how many of them map to a standard concept, by kind."""

    records: Mapping[str, int]
    mapped: Mapping[str, int]
    left_out: int

    @property
    def total(self) -> int:
        """How many records there are."""
        return sum(self.records.values())

    @property
    def total_mapped(self) -> int:
        """How many of them are mapped."""
        return sum(self.mapped.values())

    @property
    def nothing_is_mapped(self) -> bool:
        """Whether there are records and none of them is mapped."""
        return self.total > 0 and self.total_mapped == 0


def omop_coverage(plan: LakePlan, tables: Tables) -> OmopCoverage | None:
    """The coverage as the last run left it; None without the pack, or before its first run."""
    declared = any(step.dataset == OMOP_COVERAGE for step in plan.steps)
    if not declared or tables.current_snapshot_id(OMOP_COVERAGE) is None:
        return None
    rows = tables.session.sql(
        "SELECT origin, sum(records - left_out)::BIGINT AS records, sum(mapped)::BIGINT AS mapped, "
        f"sum(left_out)::BIGINT AS left_out FROM {OMOP_COVERAGE} GROUP BY origin ORDER BY origin"
    ).to_pylist()
    return OmopCoverage(
        {row["origin"]: row["records"] for row in rows},
        {row["origin"]: row["mapped"] for row in rows},
        sum(row["left_out"] for row in rows),
    )
