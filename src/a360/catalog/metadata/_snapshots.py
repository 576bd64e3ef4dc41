"""Updates of snapshots, references and statistics."""

from a360.catalog._errors import CommitFailedError, ValidationError
from a360.catalog._wire import Json
from a360.catalog.metadata._create import now_ms
from a360.catalog.metadata._draft import Draft

MAIN = "main"
_ROW_LINEAGE = 3
_NEEDED = (("schemas", "schema"), ("partition-specs", "partition spec"), ("sort-orders", "sort order"))
_OPERATIONS = frozenset({"append", "replace", "overwrite", "delete"})


def add_snapshot(draft: Draft, update: Json) -> None:
    """Add a snapshot; no reference points at it yet."""
    snapshot: Json = update["snapshot"]
    snapshot_id: int = snapshot["snapshot-id"]
    if any(known["snapshot-id"] == snapshot_id for known in draft.items("snapshots")):
        raise ValidationError(f"Snapshot already exists for id: {snapshot_id}")
    for key, what in _NEEDED:
        if not draft.items(key):
            raise ValidationError(f"Attempting to add a snapshot before a {what} is added")
    _check_fields(snapshot, draft.version)
    _take_sequence_number(draft, snapshot)
    _take_row_ids(draft, snapshot)
    draft.append("snapshots", snapshot)
    draft.added_snapshots[snapshot_id] = snapshot
    draft.timestamp_ms = int(snapshot["timestamp-ms"])


def _check_fields(snapshot: Json, version: int) -> None:
    if not snapshot.get("manifest-list") and (version > 1 or "manifests" not in snapshot):
        raise ValidationError("Invalid snapshot: manifest-list is missing")
    summary = snapshot.get("summary")
    operation = (summary or {}).get("operation")
    if operation not in _OPERATIONS and (version > 1 or summary is not None):
        raise ValidationError(f"Invalid snapshot: unknown operation {operation}")


def _take_sequence_number(draft: Draft, snapshot: Json) -> None:
    if draft.version == 1:
        return
    number, last = int(snapshot.get("sequence-number") or 0), int(draft.get("last-sequence-number") or 0)
    if number <= last and snapshot.get("parent-snapshot-id") is not None:
        raise CommitFailedError(
            "Validation failed, please retry: "
            f"Cannot add snapshot with sequence number {number} older than last sequence number {last}"
        )
    draft.set("last-sequence-number", max(number, last))


def _take_row_ids(draft: Draft, snapshot: Json) -> None:
    if draft.version < _ROW_LINEAGE:
        return
    first, added = snapshot.get("first-row-id"), snapshot.get("added-rows")
    if first is None:
        raise ValidationError("Cannot add a snapshot: first-row-id is null")
    if added is None or added < 0:
        raise ValidationError("Cannot add a snapshot: added-rows is null or negative")
    following = int(draft.get("next-row-id") or 0)
    if first < following:
        raise CommitFailedError(
            "Validation failed, please retry: "
            f"Cannot add a snapshot, first-row-id is behind table next-row-id: {first} < {following}"
        )
    # The reference implementation adds to the old counter; after a gap it would give row ids twice.
    draft.set("next-row-id", first + added)


def set_snapshot_ref(draft: Draft, update: Json) -> None:
    """Create or move a branch or tag; moving `main` makes its snapshot current."""
    name: str = update["ref-name"]
    ref = {
        key: value for key, value in update.items() if key not in {"action", "ref-name"} and value is not None
    }
    snapshot_id: int = ref["snapshot-id"]
    _check_ref(ref)
    if (draft.get("refs") or {}).get(name) == ref:
        return
    if not any(known["snapshot-id"] == snapshot_id for known in draft.items("snapshots")):
        raise ValidationError(f"Cannot set {name} to unknown snapshot: {snapshot_id}")
    if name == MAIN:
        if ref["type"] != "branch":
            raise ValidationError("Cannot set main to a tag, it must be a branch")
        draft.set("current-snapshot-id", snapshot_id)
        draft.append(
            "snapshot-log", {"snapshot-id": snapshot_id, "timestamp-ms": _log_time(draft, snapshot_id)}
        )
        draft.current_set_to.append(snapshot_id)
    draft.set("refs", {**(draft.get("refs") or {}), name: ref})


def _check_ref(ref: Json) -> None:
    for key in ("min-snapshots-to-keep", "max-snapshot-age-ms", "max-ref-age-ms"):
        if key in ref and ref["type"] == "tag" and key != "max-ref-age-ms":
            raise ValidationError(f"Tags do not support setting {key}")
        if key in ref and ref[key] <= 0:
            raise ValidationError(f"Invalid snapshot reference: {key} must be greater than 0")


def _log_time(draft: Draft, snapshot_id: int) -> int:
    added = draft.added_snapshots.get(snapshot_id)
    return int(added["timestamp-ms"]) if added is not None else now_ms()


def remove_snapshot_ref(draft: Draft, update: Json) -> None:
    """Remove a branch or tag; without `main` the table has no current snapshot."""
    name: str = update["ref-name"]
    refs: Json = draft.get("refs") or {}
    if name == MAIN and draft.get("current-snapshot-id") is not None:
        draft.document.pop("current-snapshot-id")
    if name in refs:
        draft.set("refs", {key: ref for key, ref in refs.items() if key != name})


def remove_snapshots(draft: Draft, update: Json) -> None:
    """Forget snapshots, the references to them and their statistics; no file is deleted."""
    gone = set(update["snapshot-ids"])
    if not any(known["snapshot-id"] in gone for known in draft.items("snapshots")):
        return
    for name, ref in dict(draft.get("refs") or {}).items():
        if ref["snapshot-id"] in gone:
            remove_snapshot_ref(draft, {"ref-name": name})
    for key in ("snapshots", "statistics", "partition-statistics"):
        draft.keep(key, [item for item in draft.items(key) if item["snapshot-id"] not in gone])
    draft.removed_snapshots = True


def tidy_snapshot_log(draft: Draft) -> None:
    """Close the snapshot log at the end of a commit.

    Snapshots that were current only within the commit leave the log. Where a snapshot of the log no longer
    exists, what came before it leaves too: the table's state at those times cannot be told any more.
    """
    passing = {each for each in draft.current_set_to if each in draft.added_snapshots}
    passing.discard(draft.get("current-snapshot-id"))
    log = [entry for entry in draft.items("snapshot-log") if entry["snapshot-id"] not in passing]
    if draft.removed_snapshots:
        known = {snapshot["snapshot-id"] for snapshot in draft.items("snapshots")}
        broken = [place for place, entry in enumerate(log) if entry["snapshot-id"] not in known]
        log = log[broken[-1] + 1 :] if broken else log
    draft.keep("snapshot-log", log)


def set_statistics(draft: Draft, update: Json) -> None:
    """Attach a statistics file to its snapshot, in place of an earlier one."""
    _attach(draft, "statistics", update["statistics"])


def set_partition_statistics(draft: Draft, update: Json) -> None:
    """Attach a partition statistics file to its snapshot, in place of an earlier one."""
    _attach(draft, "partition-statistics", update["partition-statistics"])


def _attach(draft: Draft, key: str, file: Json) -> None:
    others = [item for item in draft.items(key) if item["snapshot-id"] != file["snapshot-id"]]
    if [*others, file] != draft.items(key):
        draft.set(key, [*others, file])


def remove_statistics(draft: Draft, update: Json) -> None:
    """Detach a snapshot's statistics file."""
    _detach(draft, "statistics", update["snapshot-id"])


def remove_partition_statistics(draft: Draft, update: Json) -> None:
    """Detach a snapshot's partition statistics file."""
    _detach(draft, "partition-statistics", update["snapshot-id"])


def _detach(draft: Draft, key: str, snapshot_id: int) -> None:
    draft.keep(key, [item for item in draft.items(key) if item["snapshot-id"] != snapshot_id])
