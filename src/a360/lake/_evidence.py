"""Evidence of a lake: proofs run, judged, signed with the key of its audit log, and on record there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from a360 import operate
from a360._progress import Progress
from a360.contract import fingerprint_of
from a360.files import require_new_folder
from a360.lake._asker import account
from a360.lake._verify import verify
from a360.protect import AuditEvent

if TYPE_CHECKING:
    from a360.lake._parts import Parts


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """What was proven, and the bundle that tells it."""

    evidence: "operate.Evidence"
    told: Mapping[str, Any]
    digest: str
    folder: Path


class LakeEvidence:
    """Gathers evidence."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    def gather(
        self,
        folder: str | Path,
        *,
        tests: Path | None = None,
        sample: int | None = None,
        progress: Progress | None = None,
    ) -> EvidenceReport:
        """Run all proofs, and write a signed bundle into a new folder.

        Args:
            folder: Where the bundle goes.
            tests: A checkout of the software, whose tests are run; without it they are not.
            sample: How many of the lake's files are read again, drawn at random; by default all.
            progress: Told how far it is.

        Raises:
            UsageError: the folder holds something.
            OperatorError: `input-missing` or `extra-missing` where tests cannot be run.
        """
        folder = Path(folder)
        require_new_folder(folder)
        found = operate.gather_evidence(self._subject(sample), tests=tests, progress=progress)
        told = self._told(found, tests)
        digest = operate.write_evidence(folder, told, self._parts.audit.certify, partial(self._record, found))
        return EvidenceReport(found, told, digest, folder)

    def _subject(self, sample: int | None) -> "operate.EvidenceSubject":
        parts = self._parts
        return operate.EvidenceSubject(
            parts.folder.path,
            parts.contracts,
            parts.settings,
            parts.plan,
            lambda: parts.tables,
            cache(lambda: verify(parts, sample=sample)),
        )

    def _told(self, found: "operate.Evidence", tests: Path | None) -> dict[str, Any]:
        parts = self._parts
        ran = tests and {**operate.state_of_tests(tests).to_json(), "pytest": version("pytest")}
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "by": account(os.geteuid()),
            "lake": parts.audit.key.name,
            "environment": parts.settings.env,
            "holds": parts.folder.origin,
            "plan": parts.fingerprint,
            "policy": fingerprint_of(parts.plan.policy),
            "software": operate.software_facts(),
            "tests": ran,
            "machine": operate.machine_facts(),
            "tally": found.tally,
            "controls": [each.to_json() for each in found.controls],
            "proofs": [each.to_json() for each in found.proofs.values()],
        }

    def _record(self, found: "operate.Evidence", digest: str) -> None:
        event = AuditEvent(
            datetime.now(UTC),
            account(os.geteuid()),
            operate.EVIDENCE_ACTION,
            (),
            "done",
            details={operate.EVIDENCE_DETAIL: digest, **found.tally},
        )
        self._parts.audit.record(event)
