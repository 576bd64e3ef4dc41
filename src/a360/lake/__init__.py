"""The composition root: opens a lake for an environment and wires the adapters of its ports.

The linter and `infer`, which need no lake, are loaded when they are asked for.
"""

from typing import TYPE_CHECKING

from a360._lazy import lazily
from a360.lake._doctor import DoctorCheck, examine
from a360.lake._folder import Origin
from a360.lake._lake import ENGINES, KINDS, Lake, open_lake
from a360.lake._reports import (
    CheckReport,
    DatasetQuality,
    IngestReport,
    RunReport,
)
from a360.lake._rollback import RollbackReport
from a360.table import Difference, HistoryEntry

if TYPE_CHECKING:
    from a360.lake._infer import Inferred, infer
    from a360.lake._lint import lint

_LAZY = {"Inferred": "_infer", "infer": "_infer", "lint": "_lint"}

__all__ = [
    "ENGINES",
    "KINDS",
    "CheckReport",
    "DatasetQuality",
    "Difference",
    "DoctorCheck",
    "HistoryEntry",
    "Inferred",
    "IngestReport",
    "Lake",
    "Origin",
    "RollbackReport",
    "RunReport",
    "examine",
    "infer",
    "lint",
    "open_lake",
]

__getattr__ = lazily(__name__, _LAZY)
