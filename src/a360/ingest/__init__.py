"""Bring data in: FHIR files into bronze, sealed, each resource once.

`ingest_fhir` reads files and folders and commits one batch; `committed_batches` tells readers of rejects,
blocks and file records which batches have landed, and `sweep_uncommitted` deletes what others left behind.
"""

from a360.ingest._attachments import RECORD as ATTACHMENT
from a360.ingest._attachments import ingest_attachments
from a360.ingest._committed import (
    FHIR,
    GROUNDS,
    RECORDS,
    Ground,
    committed_batches,
    ground_of,
    sweep_uncommitted,
)
from a360.ingest._hl7v2 import Hl7v2Reading, hl7v2_options, ingest_hl7v2
from a360.ingest._inflow import Inflow
from a360.ingest._ingest import ingest_fhir, ingest_files
from a360.ingest._limits import Limits
from a360.ingest._notes import ingest_notes
from a360.ingest._records import ingest_records
from a360.ingest._replay import IngestReplay, is_replayed, replay_refused
from a360.ingest._reports import FileReport, Ingested
from a360.ingest._rules import Rule

__all__ = [
    "ATTACHMENT",
    "FHIR",
    "GROUNDS",
    "RECORDS",
    "FileReport",
    "Ground",
    "Hl7v2Reading",
    "Inflow",
    "IngestReplay",
    "Ingested",
    "Limits",
    "Rule",
    "committed_batches",
    "ground_of",
    "hl7v2_options",
    "ingest_attachments",
    "ingest_fhir",
    "ingest_files",
    "ingest_hl7v2",
    "ingest_notes",
    "ingest_records",
    "is_replayed",
    "replay_refused",
    "sweep_uncommitted",
]
