"""The composition root: opens a lake for an environment and wires the adapters of its ports."""

from a360.lake._difference import Difference
from a360.lake._doctor import DoctorCheck, examine
from a360.lake._folder import Origin
from a360.lake._history import HistoryEntry
from a360.lake._infer import Inferred, infer
from a360.lake._lake import ENGINES, KINDS, Lake, open_lake
from a360.lake._lint import lint
from a360.lake._reports import (
    CheckReport,
    DatasetQuality,
    IngestReport,
    RunReport,
)
from a360.lake._rollback import RollbackReport

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
