"""The composition root: opens a lake for an environment and wires the adapters of its ports."""

from a360.lake._doctor import machine_checks
from a360.lake._folder import Origin
from a360.lake._infer import Inferred, infer
from a360.lake._lake import ENGINES, KINDS, Lake, open_lake
from a360.lake._lint import lint
from a360.lake._reports import (
    CheckReport,
    DatasetQuality,
    DoctorCheck,
    IngestReport,
    RunReport,
)

__all__ = [
    "ENGINES",
    "KINDS",
    "CheckReport",
    "DatasetQuality",
    "DoctorCheck",
    "Inferred",
    "IngestReport",
    "Lake",
    "Origin",
    "RunReport",
    "infer",
    "lint",
    "machine_checks",
    "open_lake",
]
