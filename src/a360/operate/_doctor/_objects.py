"""The object store: files that attachments name and that are not there, and files that nobody names."""

from collections.abc import Iterator
from typing import Protocol

from a360.operate._attachments import Attachments
from a360.operate._doctor._check import DoctorCheck, judged, looked

_AREA = "tables"


class _WithAttachments(Protocol):
    @property
    def attachments(self) -> Attachments:
        """Its attachments."""
        ...


def object_checks(lake: _WithAttachments) -> Iterator[DoctorCheck]:
    """Checks of the files beside the tables."""
    yield from looked(_AREA, "objects", lambda: _missing(lake), "restore warehouse/objects/ from a backup")
    yield from looked(_AREA, "orphan objects", lambda: _orphans(lake), "a360 collect")


def _missing(lake: _WithAttachments) -> DoctorCheck:
    found = lake.attachments.missing()
    told = f"{found.checked} named by attachments, {found.failed} of them not there"
    mend = "ingest their files again, or restore warehouse/objects/ from a backup"
    return judged(_AREA, "objects", told, fail=bool(found.failed), mend=mend)


def _orphans(lake: _WithAttachments) -> DoctorCheck:
    found = lake.attachments.orphans()
    told = f"{len(found)} files that nothing names, {sum(each.bytes for each in found):,} bytes"
    mend = "a360 collect lists them, a360 collect --delete takes them away"
    return judged(_AREA, "orphan objects", told, warn=bool(found), mend=mend)
