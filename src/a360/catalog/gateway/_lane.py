"""A lane: one path through the gateway, whose commits share a stamp and a fence."""

import threading
from collections.abc import Mapping, Sequence

from a360.catalog._errors import BadRequestError, CommitFailedError
from a360.catalog._wire import Json
from a360.catalog.gateway._stamp import COMMIT_ID, CommitStamp, generated_commit_id, stamped_updates

_MAIN = "main"


class Lane:
    """Stamps and fences the commits of one writer; the open lane gives each commit an id of its own."""

    def __init__(
        self, stamp: CommitStamp | None = None, base: Mapping[str, int | None] | None = None
    ) -> None:
        self._stamp = stamp
        self._base = dict(base or {})
        self._lock = threading.Lock()

    def commit_id(self) -> str:
        """The id of what is committed next on this lane."""
        return self._stamp.commit_id if self._stamp else generated_commit_id()

    def prepare(self, table: str, body: Json) -> Json:
        """A commit to one table as it is sent on: stamped, and fenced where the lane knows the base.

        Raises:
            BadRequestError: The commit is malformed.
            CommitFailedError: The table is to be created, and the lane expects it to exist.
        """
        requirements, updates = _objects(body, "requirements"), _objects(body, "updates")
        _check_snapshots(updates)
        return {
            **body,
            "requirements": self._fenced(table, requirements),
            "updates": self._stamped(updates),
        }

    def _stamped(self, updates: Sequence[Json]) -> list[Json]:
        if self._stamp is not None:
            return stamped_updates(updates, self._stamp.summary())
        # A writer without a lane of its own may have named its commit itself.
        unnamed = {COMMIT_ID: generated_commit_id()}
        return [
            each if COMMIT_ID in _summary(each) else stamped_updates([each], unnamed)[0] for each in updates
        ]

    def _fenced(self, table: str, requirements: Sequence[Json]) -> list[Json]:
        with self._lock:
            if table not in self._base:
                return list(requirements)
            base = self._base[table]
        if any(each.get("type") == "assert-create" for each in requirements):
            if base is not None:
                raise CommitFailedError(f"Requirement failed: {table} is expected at snapshot {base}")
            return list(requirements)
        return [*requirements, {"type": "assert-ref-snapshot-id", "ref": _MAIN, "snapshot-id": base}]

    def advance(self, table: str, updates: Sequence[Json]) -> None:
        """Move the fence to what this lane has just committed, so that its next commit stands on it."""
        moved = [
            each["snapshot-id"]
            for each in updates
            if each.get("action") == "set-snapshot-ref" and each.get("ref-name") == _MAIN
        ]
        with self._lock:
            if moved and table in self._base:
                self._base[table] = moved[-1]


def _summary(update: Json) -> Mapping[str, str]:
    return (update.get("snapshot") or {}).get("summary") or {}


def _objects(body: Json, key: str) -> list[Json]:
    value = body.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadRequestError(f"Malformed request: {key} is not a list of objects")
    return value


def _check_snapshots(updates: Sequence[Json]) -> None:
    """Refuse snapshots without an id: by that id a commit is found again."""
    for each in updates:
        snapshot = each.get("snapshot")
        named = isinstance(snapshot, dict) and isinstance(snapshot.get("snapshot-id"), int)
        if each.get("action") == "add-snapshot" and not named:
            raise BadRequestError("Malformed update add-snapshot: a snapshot with an id is missing")
