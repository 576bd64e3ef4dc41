"""The operation of a lake, besides bringing data in and refining it.

Its folder and who works in it; jobs, done alone and on record; tables made to fit the contracts; quality
measured; refused rows shown and tried again; datasets taken back; lineage told; what is broken found.
Each name is imported when it is asked for: a command that looks at tables waits for no refinery.
"""

from typing import TYPE_CHECKING

from a360._lazy import lazily

if TYPE_CHECKING:
    from a360.operate._attachments import OBJECTS, AttachmentCopy, Attachments
    from a360.operate._doctor import DoctorCheck, OpenLake, examine
    from a360.operate._folder import LakeFolder, Origin
    from a360.operate._jobs import Jobs
    from a360.operate._journal import RunRecord
    from a360.operate._lineage import pending_impact, sources_of
    from a360.operate._lineage_export import LineageExport
    from a360.operate._note_text import note_text
    from a360.operate._omop import OMOP_COVERAGE, OmopCoverage, omop_coverage
    from a360.operate._quality import LakeQuality
    from a360.operate._quality_report import CheckReport, DatasetQuality
    from a360.operate._quarantine import Quarantine, Replayed, ReplayReport, replay
    from a360.operate._rollback import RollbackReport, rollback
    from a360.operate._schema import LakeSchema
    from a360.operate._terminology import LoadedVocabulary, Terminology

_LAZY = {
    "OBJECTS": "_attachments",
    "AttachmentCopy": "_attachments",
    "Attachments": "_attachments",
    "CheckReport": "_quality_report",
    "DatasetQuality": "_quality_report",
    "DoctorCheck": "_doctor",
    "Jobs": "_jobs",
    "LakeFolder": "_folder",
    "LakeQuality": "_quality",
    "LakeSchema": "_schema",
    "LineageExport": "_lineage_export",
    "LoadedVocabulary": "_terminology",
    "OpenLake": "_doctor",
    "OMOP_COVERAGE": "_omop",
    "OmopCoverage": "_omop",
    "Origin": "_folder",
    "Quarantine": "_quarantine",
    "ReplayReport": "_quarantine",
    "Replayed": "_quarantine",
    "RollbackReport": "_rollback",
    "RunRecord": "_journal",
    "Terminology": "_terminology",
    "examine": "_doctor",
    "omop_coverage": "_omop",
    "note_text": "_note_text",
    "pending_impact": "_lineage",
    "replay": "_quarantine",
    "rollback": "_rollback",
    "sources_of": "_lineage",
}

__all__ = [
    "OBJECTS",
    "OMOP_COVERAGE",
    "AttachmentCopy",
    "Attachments",
    "CheckReport",
    "DatasetQuality",
    "DoctorCheck",
    "Jobs",
    "LakeFolder",
    "LakeQuality",
    "LakeSchema",
    "LineageExport",
    "LoadedVocabulary",
    "OmopCoverage",
    "OpenLake",
    "Origin",
    "Quarantine",
    "ReplayReport",
    "Replayed",
    "RollbackReport",
    "RunRecord",
    "Terminology",
    "examine",
    "note_text",
    "omop_coverage",
    "pending_impact",
    "replay",
    "rollback",
    "sources_of",
]

__getattr__ = lazily(__name__, _LAZY)
