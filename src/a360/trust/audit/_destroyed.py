"""Which data keys were destroyed: on record before they are, so that no copy of the keys brings one back."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Final

import pyarrow.compute as pc

from a360.errors import OperatorError
from a360.protect import AuditEvent
from a360.trust.audit._folder import LogFolder
from a360.trust.audit._log import LocalAuditLog
from a360.trust.audit._search import search
from a360.trust.audit._verify import verify

_ACTION: Final = "keys.destroy"
_DETAIL: Final = "destroyed_keys"
# What checkpoints would tell of the log's end, and a last line that somebody died while writing.
_OF_THE_END: Final = ("checkpoint", "truncated", "torn")
# Their ids, of 32 digits each, have to fit what one detail of a record holds.
_MOST: Final = 200


def record_destruction(audit: LocalAuditLog, principal: str, key_ids: Sequence[str]) -> None:
    """Put on record that keys are about to be destroyed; it is durable when this returns."""
    now = datetime.now(UTC)
    audit.record_all(
        AuditEvent(now, principal, _ACTION, (), "allowed", details={_DETAIL: " ".join(some)})
        for some in batched(key_ids, _MOST)
    )


def destroyed_keys(folder: Path, *, lost: bool = False) -> Iterator[str]:
    """The ids of all keys that the log in a folder says were destroyed; `lost` says that there may be none.

    Raises:
        OperatorError: `audit-broken` where there is no log, or a record is not what it was, as it may have
            told of a key.
    """
    there = folder.is_dir() and any(path.stat().st_size for path in LogFolder(folder).files())
    if not (there or lost):
        raise OperatorError(
            "audit-broken",
            "Which keys were destroyed cannot be told",
            where=str(folder),
            found="no audit log: what was written of the keys' copy is not there either",
            next_step="bring the audit log back from a copy first; where there is none, "
            "`--without-audit-log` goes by the certificates of erasures alone",
        )
    if there:
        found = [each for each in verify(folder, None, ()).findings if each.kind not in _OF_THE_END]
        if found:
            raise OperatorError(
                "audit-broken",
                "Which keys were destroyed cannot be told",
                where=str(folder / found[0].file),
                found=found[0].text,
                next_step="bring the audit log back from a copy; `a360 audit verify` tells all that is wrong",
            )
        yield from _recorded(folder)


def _recorded(folder: Path) -> Iterator[str]:
    for batch in search(folder):
        details = batch.column("details")
        for text in details.filter(pc.match_substring(details, _DETAIL)).to_pylist():
            yield from str(json.loads(text).get(_DETAIL, "")).split()
