"""The operation of a lake, besides bringing data in and refining it.

Its folder and who works in it; jobs, done alone and on record; tables made to fit the contracts; quality
measured; refused rows shown and tried again; datasets taken back; lineage told; what is broken found;
evidence gathered. Each name is imported when it is asked for: a command that looks at tables waits for no
refinery.
"""

from typing import TYPE_CHECKING

from a360._lazy import lazily

if TYPE_CHECKING:
    from a360.operate._attachments import OBJECTS, AttachmentCopy, Attachments
    from a360.operate._doctor import DoctorCheck, OpenLake, examine
    from a360.operate._evidence import ACTION as EVIDENCE_ACTION
    from a360.operate._evidence import DETAIL as EVIDENCE_DETAIL
    from a360.operate._evidence import Evidence, machine_facts, software_facts, state_of_tests
    from a360.operate._evidence import Subject as EvidenceSubject
    from a360.operate._evidence import gather as gather_evidence
    from a360.operate._evidence import on_record as evidence_on_record
    from a360.operate._evidence import open_bundle as open_evidence
    from a360.operate._evidence import write_bundle as write_evidence
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
    "EVIDENCE_ACTION": "_evidence:ACTION",
    "EVIDENCE_DETAIL": "_evidence:DETAIL",
    "Evidence": "_evidence",
    "EvidenceSubject": "_evidence:Subject",
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
    "state_of_tests": "_evidence",
    "evidence_on_record": "_evidence:on_record",
    "examine": "_doctor",
    "gather_evidence": "_evidence:gather",
    "machine_facts": "_evidence",
    "omop_coverage": "_omop",
    "note_text": "_note_text",
    "open_evidence": "_evidence:open_bundle",
    "pending_impact": "_lineage",
    "replay": "_quarantine",
    "rollback": "_rollback",
    "software_facts": "_evidence",
    "sources_of": "_lineage",
    "write_evidence": "_evidence:write_bundle",
}

__all__ = [
    "EVIDENCE_ACTION",
    "EVIDENCE_DETAIL",
    "OBJECTS",
    "OMOP_COVERAGE",
    "AttachmentCopy",
    "Attachments",
    "CheckReport",
    "DatasetQuality",
    "DoctorCheck",
    "Evidence",
    "EvidenceSubject",
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
    "evidence_on_record",
    "examine",
    "gather_evidence",
    "machine_facts",
    "note_text",
    "omop_coverage",
    "open_evidence",
    "pending_impact",
    "replay",
    "rollback",
    "software_facts",
    "sources_of",
    "state_of_tests",
    "write_evidence",
]

__getattr__ = lazily(__name__, _LAZY)
