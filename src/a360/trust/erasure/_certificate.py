"""What is told of an erasure that is done: the certificate, and the records of the audit log."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from a360.failpoints import failpoint
from a360.protect import AuditEvent
from a360.trust.erasure._journal import Journal, Journals
from a360.trust.erasure._means import Erasure, Means, counts, erasure_of

FORMAT: Final = "a360-erasure-1"


class Certificates:
    """Puts erasures on record."""

    def __init__(self, means: Means, journals: Journals) -> None:
        self._means = means
        self._journals = journals

    def record(self, journal: Journal, outcome: str, details: Mapping[str, str | int]) -> None:
        """Have the audit log know of an erasure."""
        means = self._means
        means.audit.record(
            AuditEvent(
                datetime.now(UTC),
                means.by,
                "erase",
                sorted(journal.found.rows),
                outcome,
                details={"erasure": journal.erasure_id, **details},
                subjects=[means.audit.subject(each) for each in journal.patients],
                rows=sum(journal.found.rows.values()),
            )
        )

    def certify(self, journal: Journal) -> Erasure:
        """Sign what was done, and put its digest on record; the journal goes last."""
        path = self._journals.certificate(journal.erasure_id)
        gone = self._gone(journal)
        if path.exists():
            content = path.read_text()
        else:
            content = json.dumps(self._told(journal, gone), indent=2)
            self._journals.certify(journal.erasure_id, content, self._means.audit.certify(content.encode()))
        failpoint("erasure.certified")
        digest = hashlib.sha256(content.encode()).hexdigest()
        self.record(journal, "done", {"certificate": digest, "keys": len(journal.destroyed)})
        failpoint("erasure.recorded")
        self._journals.end(journal)
        size = len(gone), sum(each["bytes"] for each in gone)
        return replace(
            erasure_of(journal.patients, journal.found, size),
            keys=len(journal.destroyed),
            erasure_id=journal.erasure_id,
            certificate=str(path),
        )

    def _gone(self, journal: Journal) -> list[Mapping[str, Any]]:
        """Of the files that were told before anything was deleted, those that are not there any more."""
        lake = self._means.lake
        return [each for each in journal.deleted.values() if not (lake / each["path"]).exists()]

    def _told(self, journal: Journal, gone: list[Mapping[str, Any]]) -> dict[str, Any]:
        found = journal.found
        return {
            "format": FORMAT,
            "erasure_id": journal.erasure_id,
            "subjects": [self._means.audit.subject(each) for each in journal.patients],
            "known_by_key_alone": found.unnamed,
            "cause": journal.cause,
            "by": journal.by,
            "begun_at": journal.begun_at,
            "completed_at": datetime.now(UTC).isoformat(),
            "rows": found.rows,
            "lines": counts(found.lines),
            "masked_resources": counts(found.masked),
            "objects": found.objects,
            "destroyed_keys": list(journal.destroyed),
            "deleted_files": gone,
        }
