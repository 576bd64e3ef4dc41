"""The commit of a batch: what goes with it first, the envelopes last."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.errors import ConflictError
from a360.failpoints import failpoint
from a360.ingest._committed import BLOCKS, FILES, MAIN, QUARANTINE
from a360.ingest._digests import KnownContents
from a360.ingest._known import content_keys, envelopes_since
from a360.ingest._landing import Staged

if TYPE_CHECKING:
    from a360.table import Tables

_ATTEMPTS: Final = 20


def commit(
    tables: "Tables",
    staged: Staged,
    files: pa.Table,
    stamp: CommitStamp,
    *,
    known: KnownContents,
    base: str | None,
    source: str,
) -> None:
    """Commit a batch. Until its last commit, that of the envelopes, readers leave the rest of it aside.

    Raises:
        ConflictError: another call has landed some of the same resources meanwhile; run again, and they
            count as duplicates.
    """
    bare = CommitStamp(stamp.commit_id)
    failpoint("ingest.commit.before-blocks")
    if staged.blocks:
        tables.commit_append(BLOCKS, staged.blocks, bare)
    failpoint("ingest.commit.before-quarantine")
    if staged.refused:
        tables.commit_append(QUARANTINE, staged.refused, bare)
    failpoint("ingest.commit.before-files")
    tables.append(FILES, files, bare)
    failpoint("ingest.commit.before-main")
    for attempt in range(_ATTEMPTS):
        try:
            tables.commit_append(MAIN, staged.envelopes, stamp, base=base)
            break
        except ConflictError:
            if attempt + 1 == _ATTEMPTS:
                raise
            base = _base_after(tables, base, known, source)
    failpoint("ingest.commit.after-main")


def _base_after(tables: "Tables", base: str | None, known: KnownContents, source: str) -> str | None:
    """The snapshot to commit upon after another writer was faster, if it shares nothing with us."""
    standing = tables.current_snapshot_id(MAIN)
    since = tables.commits_since(MAIN, base)
    if since is None:
        raise _conflict("its history does not hold the snapshot that the ingest began with")
    if since and _share(tables, since, known, source):
        raise _conflict("another ingest has landed some of the same resources")
    return standing


def _share(tables: "Tables", commits: Sequence[str], known: KnownContents, source: str) -> bool:
    return any(
        known.holds(content_keys(envelope), envelope["content_hash"]).any()
        for envelope in envelopes_since(tables, commits, source)
    )


def _conflict(found: str) -> ConflictError:
    return ConflictError(
        "commit-conflict",
        f"{MAIN} changed while the ingest ran",
        where=MAIN,
        found=found,
        next_step="run the ingest again; what has landed meanwhile counts as duplicates",
    )
