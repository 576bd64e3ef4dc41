"""The lake as it is declared: contracts, their linter, and the plan that everything else carries out.

The plan and its parts are plain dataclasses and import at once. What reads files needs pydantic and PyYAML,
which take longer to import than most commands take to run, so those names are fetched when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from a360.contract._derived import HISTORY_COLUMN, HOUSEKEEPING, TABLE_PROPERTIES
from a360.contract._faults import FAULTS, Fault, FaultyContractsError
from a360.contract._plan import (
    ColumnPlan,
    GoldStep,
    LakePlan,
    PartitionPlan,
    ReferencePlan,
    RefreshPlan,
    RetentionPlan,
    SilverStep,
    SortPlan,
    Step,
    TablePlan,
    ViewPlan,
    Zone,
    ZonePlan,
)
from a360.contract._policy import FilterPlan, GrantPlan, MaskPlan, PolicyPlan, RolePlan, TagPlan
from a360.contract._rules import (
    DanglingRows,
    DatasetRule,
    Dimension,
    DuplicateRows,
    Expression,
    FailingRows,
    Length,
    Measure,
    NotMissing,
    NotNull,
    Operator,
    Pattern,
    Query,
    Range,
    RowCheck,
    RowCount,
    RowRule,
    Severity,
    Unit,
    ValidValues,
)
from a360.contract._types import PhysicalType, iceberg_type, parse_type, physical_type

if TYPE_CHECKING:
    from a360.contract._environment import Environment
    from a360.contract._lint import load_contracts
    from a360.contract._load import Dataset, LakeContracts, TextFile, default_contracts
    from a360.contract._make_plan import make_plan

_LAZY = {
    "Dataset": "_load",
    "Environment": "_environment",
    "LakeContracts": "_load",
    "TextFile": "_load",
    "default_contracts": "_load",
    "load_contracts": "_lint",
    "make_plan": "_make_plan",
}

__all__ = [
    "FAULTS",
    "HISTORY_COLUMN",
    "HOUSEKEEPING",
    "TABLE_PROPERTIES",
    "ColumnPlan",
    "DanglingRows",
    "Dataset",
    "DatasetRule",
    "Dimension",
    "DuplicateRows",
    "Environment",
    "Expression",
    "FailingRows",
    "Fault",
    "FaultyContractsError",
    "FilterPlan",
    "GoldStep",
    "GrantPlan",
    "LakeContracts",
    "LakePlan",
    "Length",
    "MaskPlan",
    "Measure",
    "NotMissing",
    "NotNull",
    "Operator",
    "PartitionPlan",
    "Pattern",
    "PhysicalType",
    "PolicyPlan",
    "Query",
    "Range",
    "ReferencePlan",
    "RefreshPlan",
    "RetentionPlan",
    "RolePlan",
    "RowCheck",
    "RowCount",
    "RowRule",
    "Severity",
    "SilverStep",
    "SortPlan",
    "Step",
    "TablePlan",
    "TagPlan",
    "TextFile",
    "Unit",
    "ValidValues",
    "ViewPlan",
    "Zone",
    "ZonePlan",
    "default_contracts",
    "iceberg_type",
    "load_contracts",
    "make_plan",
    "parse_type",
    "physical_type",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
