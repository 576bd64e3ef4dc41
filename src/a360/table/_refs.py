"""Names for snapshots, and the way back: tags over several tables, and `main` set to an older snapshot."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import CommitTableRequest, Namespace, Table, TableIdentifier
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.update import (
    AssertRefSnapshotId,
    AssertTableUUID,
    RemovePropertiesUpdate,
    RemoveSnapshotRefUpdate,
    SetPropertiesUpdate,
    TableRequirement,
    TableUpdate,
)

from a360.errors import ConflictError, OperatorError
from a360.table._audit import pointing
from a360.table._summary import commit_id_of, history
from a360.table._types import CommitResult, new_commit_id

if TYPE_CHECKING:
    from a360.table._commit import Committer

# Beside the tag itself, which is Iceberg's and which any reader knows: when it was set, and on what. A table
# without snapshots cannot bear a tag, and still belongs to the release.
_PROPERTY = "a360.tag."
_SECONDS = 60.0
# What catalogs say to a route they do not have (AWS Glue: 403). Where it means something else, committing the
# tables one by one meets it again.
_UNKNOWN_THERE = (403, 404, 405, 406, 501)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag on one table; `snapshot_id` is None where the table held nothing when it was set."""

    name: str
    table: str
    snapshot_id: str | None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of one table's references."""

    table: Table
    requirements: tuple[TableRequirement, ...]
    updates: tuple[TableUpdate, ...]


def tags_of(table: Table, name: str) -> list[Tag]:
    """The tags of a table, whoever set them, sorted by name."""
    found: dict[str, Tag] = {}
    for key, text in table.properties.items():
        if key.startswith(_PROPERTY):
            tag = key.removeprefix(_PROPERTY)
            found[tag] = Tag(tag, name, None, _created(text))
    for tag, ref in table.metadata.refs.items():
        if ref.snapshot_ref_type == SnapshotRefType.TAG:
            created = found[tag].created_at if tag in found else None
            found[tag] = Tag(tag, name, str(ref.snapshot_id), created)
    return [found[tag] for tag in sorted(found)]


def _created(text: str) -> datetime | None:
    """What stands in the property; what another writer made of it is taken as nothing."""
    try:
        return datetime.fromisoformat(json.loads(text)["created_at"])
    except (ValueError, KeyError, TypeError):
        return None


def set_tag(committer: "Committer", tag: str, names: Sequence[str]) -> list[Tag]:
    """Tag the current snapshot of each table, all of them or none.

    Raises:
        ConflictError: a table moved meanwhile, or bears the tag already.
    """
    now = datetime.now(UTC)
    tables = {name: committer.load(name) for name in names}
    _commit_together(committer, {name: _tagging(table, tag, now) for name, table in tables.items()})
    return [Tag(tag, name, _current(table), now) for name, table in tables.items()]


def _current(table: Table) -> str | None:
    current = table.metadata.current_snapshot_id
    return None if current is None else str(current)


def _tagging(table: Table, tag: str, now: datetime) -> _Change:
    current = table.metadata.current_snapshot_id
    noted = json.dumps({"created_at": now.isoformat()}, separators=(",", ":"))
    updates: list[TableUpdate] = [SetPropertiesUpdate(updates={f"{_PROPERTY}{tag}": noted})]
    if current is not None:
        updates.append(pointing(tag, current, SnapshotRefType.TAG))
    requirements = (
        AssertTableUUID(uuid=table.metadata.table_uuid),
        AssertRefSnapshotId(snapshot_id=current, ref=MAIN_BRANCH),
        AssertRefSnapshotId(snapshot_id=None, ref=tag),
    )
    return _Change(table, requirements, tuple(updates))


def remove_tag(committer: "Committer", tag: str, names: Iterable[str]) -> list[Tag]:
    """Take a tag off tables, off all of them or none; those that do not bear it are left alone."""
    tables = {name: committer.load(name) for name in names}
    borne = {
        name: each for name, table in tables.items() for each in tags_of(table, name) if each.name == tag
    }
    _commit_together(committer, {name: _untagging(tables[name], tag) for name in borne})
    return list(borne.values())


def _untagging(table: Table, tag: str) -> _Change:
    updates: list[TableUpdate] = []
    if f"{_PROPERTY}{tag}" in table.properties:
        updates.append(RemovePropertiesUpdate(removals=[f"{_PROPERTY}{tag}"]))
    if tag in table.metadata.refs:
        updates.append(RemoveSnapshotRefUpdate(ref_name=tag))
    return _Change(table, (AssertTableUUID(uuid=table.metadata.table_uuid),), tuple(updates))


def _commit_together(committer: "Committer", changes: Mapping[str, _Change]) -> None:
    """Commit changes of several tables in one transaction; one by one where the catalog has none."""
    if not changes:
        return
    endpoint = committer.catalog.endpoint
    body = {"table-changes": [_request(name, change) for name, change in changes.items()]}
    reply = httpx.post(
        committer.catalog.client().url("transactions/commit"),
        json=body,
        headers={"Authorization": f"Bearer {endpoint.token}"},
        timeout=_SECONDS,
    )
    if reply.status_code in _UNKNOWN_THERE:
        _commit_one_by_one(committer, changes)
    elif reply.status_code == httpx.codes.CONFLICT:
        raise _moved(changes)
    elif reply.is_error:
        raise OperatorError(
            "catalog-unreachable",
            "The catalog did not set the tag",
            where=endpoint.uri,
            found=f"status {reply.status_code}",
            next_step="run `a360 tag list` to see what stands, then run again",
        )


def _request(name: str, change: _Change) -> dict[str, Any]:
    *namespace, table = name.split(".")
    request = CommitTableRequest(
        identifier=TableIdentifier(namespace=Namespace(namespace), name=table),
        requirements=change.requirements,
        updates=change.updates,
    )
    told: dict[str, Any] = json.loads(request.model_dump_json())
    return told


def _commit_one_by_one(committer: "Committer", changes: Mapping[str, _Change]) -> None:
    """Commit each on its own; where one fails, those before it stay, and `tag list` shows them."""
    for change in changes.values():
        try:
            committer.catalog.client().commit_table(change.table, change.requirements, change.updates)
        except CommitFailedException:
            raise _moved(changes) from None


def _moved(changes: Iterable[str]) -> ConflictError:
    return ConflictError(
        "commit-conflict",
        "A table was changed by another writer while it was tagged, or bears the tag already",
        where=", ".join(changes),
        next_step="run `a360 tag list` to see what stands, then run again",
    )


def roll_back(committer: "Committer", name: str, snapshot_id: str, *, base: str) -> CommitResult:
    """Make an older snapshot of a table's history the current one; no snapshot is added, and none goes.

    Raises:
        ConflictError: the table is no longer at `base`, so that other commits than those meant would go.
    """
    table = committer.load(name)
    requirements = (
        AssertTableUUID(uuid=table.metadata.table_uuid),
        AssertRefSnapshotId(snapshot_id=int(base), ref=MAIN_BRANCH),
    )
    updates = (pointing(MAIN_BRANCH, int(snapshot_id)),)
    try:
        committer.catalog.client().commit_table(table, requirements, updates)
    except CommitFailedException:
        raise ConflictError(
            "commit-conflict",
            f"{name} was changed by another writer before it was rolled back",
            where=name,
            found=f"expected {base}, found {_current(committer.load(name))}",
            next_step="look at `a360 history` again, then decide anew; nothing was changed",
        ) from None
    return CommitResult(name, snapshot_id, new_commit_id(), operation="rollback", parent_id=base)


def commits_after(table: Table, snapshot_id: str) -> list[str]:
    """The ids of the commits that a way back to a snapshot of the history undoes, newest first."""
    undone: dict[str, None] = {}
    snapshots = history(table)
    for snapshot in snapshots:
        if str(snapshot.snapshot_id) == snapshot_id:
            break
        if (commit_id := commit_id_of(snapshot)) is not None:
            undone[commit_id] = None
    stays = {commit_id_of(snapshot) for snapshot in snapshots}
    return [each for each in undone if each not in stays]
