"""Rows taken out for good: out of the files that hold them, and out of the past.

A delete leaves rows in data files, under delete files, and in the snapshots of before. Who must not find them
again needs both halves: the files written anew without them, and everything gone that held them.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Operation

from a360.catalog import CommitStamp
from a360.engine import StagedFile, open_io, quote_table, quote_text
from a360.errors import ConflictError
from a360.failpoints import failpoint
from a360.table._audit import drop_branch
from a360.table._commit import Change, Committer, SnapshotChange
from a360.table._files import LyingFile, lying_in, reached_by
from a360.table._maintain import collect, expire
from a360.table._refs import remove_tag, tags_of
from a360.table._shape import shape_of
from a360.table._snapshot import Draft
from a360.table._summary import history, summary_of
from a360.table._types import CommitResult
from a360.table._write import Writer, require_ours

_CHUNK = 1 << 20
_STAMPED = "a360."
_METADATA = ".metadata.json"
# What a snapshot says of itself alone, and not of how its dataset came to be.
_OWN = frozenset({"a360.commit-id", "a360.upstream", "a360.counts", "a360.made-by", "a360.audited"})


@dataclass(frozen=True, slots=True)
class PurgedFile:
    """A file that is deleted: its path, its size, and the SHA-256 of its content."""

    path: str
    bytes: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """The file as JSON."""
        return {"path": self.path, "bytes": self.bytes, "sha256": self.sha256}


def expunge(
    writer: Writer, name: str, where: str, stamp: CommitStamp, instead: Sequence[StagedFile] = ()
) -> CommitResult:
    """Take rows out of the data files that hold them, which are written anew; `instead` are files to add.

    Of a table with delete files, which may hide such rows, every file is written anew.
    """
    target = quote_table(name)

    def plan(table: Table) -> Change | None:
        hidden = bool(shape_of(table).delete_files)
        found = writer.session.sql(f"SELECT DISTINCT filename FROM {target} WHERE ({where})")
        files = [str(each) for each in found["filename"].to_pylist()]
        if not (files or instead or hidden):
            return None
        require_ours(table, name)
        rest = f"SELECT * FROM {target} WHERE (({where}) IS NOT TRUE)"
        if not hidden:
            rest += f" AND filename IN ({', '.join(map(quote_text, files)) or quote_text('')})"
        staged = writer.stage_into(table, name, rest) if files or hidden else []
        draft = Draft(
            Operation.OVERWRITE,
            [each.data_file for each in (*staged, *instead)],
            keeps=not hidden,
            without=_as_committed(files),
        )
        return SnapshotChange(table, draft, disposable=staged)

    return writer.committer.commit(name, stamp, plan)


def _as_committed(files: Sequence[str]) -> frozenset[str]:
    """Files as manifests name them; an engine may leave out the scheme of local ones."""
    return frozenset(files) | {f"file://{each}" for each in files}


def standing_stamp(table: Table) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What the newest snapshot that tells of its upstream says: the upstream snapshots, and what else."""
    for snapshot in history(table):
        summary = summary_of(snapshot)
        if "a360.upstream" in summary:
            extra = {
                key.removeprefix(_STAMPED): value
                for key, value in summary.items()
                if key.startswith(_STAMPED) and key not in _OWN
            }
            return json.loads(summary["a360.upstream"]), extra
    return {}, {}


def purge(
    committer: Committer, name: str, tell: Callable[[Sequence[PurgedFile]], None]
) -> Sequence[PurgedFile]:
    """Forget every snapshot but the current one, what names others, and leavings; what may go, with digests.

    `tell` hears of it before anything is deleted. Metadata files are among it, of which the newest stay for a
    while. Nothing else may write to the table meanwhile: files that await their commit would go.

    Raises:
        ConflictError: `commit-conflict` where an older snapshot is there still, as where a client has named
            one meanwhile.
    """
    table = committer.load(name)
    # Each commit from here on has the catalog let go of the oldest.
    metadata = [each for each in lying_in(table) if each.path.endswith(_METADATA)]
    told = _told(table, metadata, tell)
    naming = past_names(table)
    for tag in tags_of(table, name):
        if tag.name in naming:
            remove_tag(committer, tag.name, [name])
    for branch in naming:
        drop_branch(committer, committer.load(name), branch)
    table = committer.load(name)
    current = table.current_snapshot()
    stays = reached_by(table, [current]) if current else set()
    known = {each.path for each in told}
    told += _told(table, (each for each in lying_in(table) if each.path not in stays | known), tell)
    failpoint("table.purge.before")
    expire(committer, name, datetime.now(UTC) + timedelta(days=1), keep=1)
    collect(committer, name, dry_run=False, grace=timedelta(0))
    _require_past_gone(committer.load(name), name)
    return told


def past_names(table: Table) -> list[str]:
    """The branches and tags, whoever set them, that name other snapshots than the current one."""
    current = table.metadata.current_snapshot_id
    refs = table.metadata.refs.items()
    return sorted(name for name, ref in refs if name != MAIN_BRANCH and ref.snapshot_id != current)


def _require_past_gone(table: Table, name: str) -> None:
    current = table.metadata.current_snapshot_id
    left = [each for each in table.metadata.snapshots if each.snapshot_id != current]
    if left:
        raise ConflictError(
            "commit-conflict",
            "Older snapshots of a table are there still, after all of them were to go",
            where=name,
            found=f"{len(left)} of them, named by {', '.join(past_names(table)) or 'nothing'}",
            next_step="end what else writes to the table, then run again",
        )


def _told(
    table: Table, going: Iterable[LyingFile], tell: Callable[[Sequence[PurgedFile]], None]
) -> list[PurgedFile]:
    told = [PurgedFile(each.path, each.bytes, _sha256(table, each.path)) for each in going]
    tell(told)
    return told


def _sha256(table: Table, path: str) -> str:
    access = open_io(table)
    scheme, place, _ = access.parse_location(table.location(), table.io.properties)
    digest = hashlib.sha256()
    with access.fs_by_scheme(scheme, place).open_input_stream(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
