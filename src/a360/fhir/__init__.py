"""FHIR as pure code: ViewDefinitions to SQL, and the rules of FHIR's references and lexical values.

`compile_view` turns a SQL on FHIR v2 ViewDefinition into SQL for DuckDB, Spark or Trino; `check_view` lists
its faults; `evaluate` runs it over resources in memory, and `run_view` over files. `compile_views` compiles
several for one scan.
"""

from a360.fhir._cast import cast_sql
from a360.fhir._compile import (
    CompiledView,
    CompiledViews,
    Dialect,
    ViewColumn,
    check_view,
    compile_view,
    compile_views,
    view_columns,
)
from a360.fhir._definitions import is_resource, resource_types
from a360.fhir._elements import Elements, ViewElements, view_elements
from a360.fhir._evaluate import evaluate
from a360.fhir._explain import Explanation, explain_view
from a360.fhir._exports import other_formats
from a360.fhir._fault import Fault, ViewError
from a360.fhir._references import reference_parts_sql
from a360.fhir._run import ViewRun, run_view, view_batches
from a360.fhir._stopped import ViewStoppedError
from a360.fhir._struct import StructNode
from a360.fhir._testing import TestReport, run_view_tests

__all__ = [
    "CompiledView",
    "CompiledViews",
    "Dialect",
    "Elements",
    "Explanation",
    "Fault",
    "StructNode",
    "TestReport",
    "ViewColumn",
    "ViewElements",
    "ViewError",
    "ViewRun",
    "ViewStoppedError",
    "cast_sql",
    "check_view",
    "compile_view",
    "compile_views",
    "evaluate",
    "explain_view",
    "is_resource",
    "other_formats",
    "reference_parts_sql",
    "resource_types",
    "run_view",
    "run_view_tests",
    "view_batches",
    "view_columns",
    "view_elements",
]
