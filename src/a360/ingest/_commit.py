"""The commit of a batch: what goes with it first, the envelopes last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.errors import ConflictError
from a360.failpoints import failpoint
from a360.ingest._committed import FILES
from a360.ingest._known import content_keys, envelopes_since
from a360.ingest._landing import Landing

if TYPE_CHECKING:
    from a360.table import Tables

_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True)
class Landed:
    """What a batch brings to one ground: `base` is the snapshot that its known contents were read from."""

    landing: Landing
    base: str | None
    counts: Mapping[str, int]


def commit(
    tables: "Tables", parts: Sequence[Landed], files: pa.Table, *, commit_id: str, source: str
) -> None:
    """Commit a batch. Until its last commit, that of the last ground's envelopes, readers leave it aside.

    Raises:
        ConflictError: another call has landed some of the same things meanwhile; run again, and they count
            as duplicates.
    """
    bare = CommitStamp(commit_id)
    failpoint("ingest.commit.before-blocks")
    for part in parts:
        if part.landing.staged.blocks:
            tables.commit_append(part.landing.ground.blocks, part.landing.staged.blocks, bare)
    failpoint("ingest.commit.before-quarantine")
    for part in parts:
        if part.landing.staged.refused:
            tables.commit_append(part.landing.ground.quarantine, part.landing.staged.refused, bare)
    failpoint("ingest.commit.before-files")
    tables.append(FILES, files, bare)
    for part in parts[:-1]:
        failpoint("ingest.commit.before-companion")
        _commit_rows(tables, part, commit_id, source)
    failpoint("ingest.commit.before-main")
    _commit_rows(tables, parts[-1], commit_id, source)
    failpoint("ingest.commit.after-main")


def _commit_rows(tables: "Tables", part: Landed, commit_id: str, source: str) -> None:
    base, landing = part.base, part.landing
    stamp = CommitStamp(commit_id, counts=part.counts)
    for attempt in range(_ATTEMPTS):
        try:
            tables.commit_append(landing.ground.rows, landing.staged.envelopes, stamp, base=base)
            break
        except ConflictError:
            if attempt + 1 == _ATTEMPTS:
                raise
            base = _base_after(tables, base, landing, source)


def _base_after(tables: "Tables", base: str | None, landing: Landing, source: str) -> str | None:
    """The snapshot to commit upon after another writer was faster, if it shares nothing with us."""
    rows = landing.ground.rows
    standing = tables.current_snapshot_id(rows)
    since = tables.commits_since(rows, base)
    if since is None:
        raise _conflict(rows, "its history does not hold the snapshot that the ingest began with")
    if since and _share(tables, since, landing, source):
        raise _conflict(rows, "another ingest has landed some of the same content")
    return standing


def _share(tables: "Tables", commits: Sequence[str], landing: Landing, source: str) -> bool:
    return any(
        landing.known.holds(content_keys(envelope, landing.ground), envelope["content_hash"]).any()
        for envelope in envelopes_since(tables, commits, source, landing.ground)
    )


def _conflict(rows: str, found: str) -> ConflictError:
    return ConflictError(
        "commit-conflict",
        f"{rows} changed while the ingest ran",
        where=rows,
        found=found,
        next_step="run the ingest again; what has landed meanwhile counts as duplicates",
    )
