"""The lake as it is declared: contracts, their linter, and the plan that everything else carries out.

The plan and its parts are plain dataclasses and import at once. What reads files needs pydantic and PyYAML,
which take longer to import than most commands take to run, so those names are fetched when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from a360.contract._derived import HISTORY_COLUMN, HOUSEKEEPING, TABLE_PROPERTIES
from a360.contract._diff import ActualColumn, ActualTable, diff, diff_table, tightened
from a360.contract._diff_marks import gone_properties
from a360.contract._faults import FAULTS, Fault, FaultyContractsError
from a360.contract._findings import ChangeAction, Finding, FindingKind, TableChange
from a360.contract._iceberg import actual_table, iceberg_partition_spec, iceberg_schema, iceberg_sort_order
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
    Transform,
    ViewPlan,
    Zone,
    ZonePlan,
)
from a360.contract._policy import (
    Action,
    FilterPlan,
    GrantPlan,
    MaskMethod,
    MaskPlan,
    PolicyPlan,
    RolePlan,
    TagPlan,
)
from a360.contract._quoting import quote_name, quote_table, quote_text
from a360.contract._rules import (
    Anomaly,
    DanglingRows,
    DatasetRule,
    Dimension,
    DistributionChange,
    DuplicateRows,
    Expression,
    FailingRows,
    Latency,
    Length,
    Measure,
    NotMissing,
    NotNull,
    NullShareChange,
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
    VolumeChange,
)
from a360.contract._types import PhysicalType, iceberg_type, parse_type, physical_type

if TYPE_CHECKING:
    from a360.contract._environment import Environment
    from a360.contract._json_schema import editor_schemas, schema_text
    from a360.contract._ledger import Assignment, Kept, assign_field_ids, keep_ledger
    from a360.contract._lint import Check, lint, load_contracts, model_faults
    from a360.contract._lint_models import ModelFix, mend_models, upstream_columns
    from a360.contract._load import Dataset, LakeContracts, TextFile, default_contracts
    from a360.contract._make_plan import make_plan
    from a360.contract._mend import Mended, mend
    from a360.contract._typed_sql import UnresolvedError, typed_query

_LAZY = {
    "Assignment": "_ledger",
    "Check": "_lint",
    "Dataset": "_load",
    "Environment": "_environment",
    "Kept": "_ledger",
    "LakeContracts": "_load",
    "Mended": "_mend",
    "ModelFix": "_lint_models",
    "TextFile": "_load",
    "UnresolvedError": "_typed_sql",
    "assign_field_ids": "_ledger",
    "default_contracts": "_load",
    "keep_ledger": "_ledger",
    "lint": "_lint",
    "load_contracts": "_lint",
    "make_plan": "_make_plan",
    "mend": "_mend",
    "mend_models": "_lint_models",
    "model_faults": "_lint",
    "editor_schemas": "_json_schema",
    "schema_text": "_json_schema",
    "typed_query": "_typed_sql",
    "upstream_columns": "_lint_models",
}

__all__ = [
    "FAULTS",
    "HISTORY_COLUMN",
    "HOUSEKEEPING",
    "TABLE_PROPERTIES",
    "Action",
    "ActualColumn",
    "ActualTable",
    "Anomaly",
    "Assignment",
    "ChangeAction",
    "Check",
    "ColumnPlan",
    "DanglingRows",
    "Dataset",
    "DatasetRule",
    "Dimension",
    "DistributionChange",
    "DuplicateRows",
    "Environment",
    "Expression",
    "FailingRows",
    "Fault",
    "FaultyContractsError",
    "FilterPlan",
    "Finding",
    "FindingKind",
    "GoldStep",
    "GrantPlan",
    "Kept",
    "LakeContracts",
    "LakePlan",
    "Latency",
    "Length",
    "MaskMethod",
    "MaskPlan",
    "Measure",
    "Mended",
    "ModelFix",
    "NotMissing",
    "NotNull",
    "NullShareChange",
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
    "TableChange",
    "TablePlan",
    "TagPlan",
    "TextFile",
    "Transform",
    "Unit",
    "UnresolvedError",
    "ValidValues",
    "ViewPlan",
    "VolumeChange",
    "Zone",
    "ZonePlan",
    "actual_table",
    "assign_field_ids",
    "default_contracts",
    "diff",
    "diff_table",
    "editor_schemas",
    "gone_properties",
    "iceberg_partition_spec",
    "iceberg_schema",
    "iceberg_sort_order",
    "iceberg_type",
    "keep_ledger",
    "lint",
    "load_contracts",
    "make_plan",
    "mend",
    "mend_models",
    "model_faults",
    "parse_type",
    "physical_type",
    "quote_name",
    "quote_table",
    "quote_text",
    "schema_text",
    "tightened",
    "typed_query",
    "upstream_columns",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
