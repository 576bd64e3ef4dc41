"""A table as it stands, without its past.

Writing a table's next snapshot takes its current one. Those before it grow by one with every commit, so that
they are left as the JSON they came as; a thousand of them typed would cost more than a small commit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pyiceberg.io import load_file_io
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadataUtil
from pyiceberg.table.snapshots import Snapshot

from a360.catalog import COMMIT_ID, CatalogSession
from a360.table._summary import result_of
from a360.table._types import CommitResult

type _Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """A table with its current snapshot and those that a branch or tag names; `document` has all."""

    name: str
    table: Table
    document: _Json

    @classmethod
    def of(cls, catalog: CatalogSession, name: str) -> Self:
        """How a table stands now.

        Raises:
            TableRefusedError: There is no such table, or the catalog did not answer.
        """
        answer = catalog.load_table(name)
        document, location = answer["metadata"], answer["metadata-location"]
        client = catalog.client()
        metadata = TableMetadataUtil.parse_obj(_without_past(document))
        settings = {**(answer.get("config") or {}), **_credentials(answer, location)}
        access = load_file_io({**client.properties, **metadata.properties, **settings}, location)
        table = Table(tuple(name.split(".")), metadata, location, access, client, dict(settings))
        return cls(name, table, document)

    @property
    def snapshot_id(self) -> int | None:
        """The current snapshot; None before the first commit."""
        return self.table.metadata.current_snapshot_id

    def landed(self, commit_id: str) -> CommitResult | None:
        """What a commit did to the table; none if it is not in its history."""
        snapshots = self.document.get("snapshots") or ()
        made = [each for each in snapshots if (each.get("summary") or {}).get(COMMIT_ID) == commit_id]
        if not made:
            return None  # the usual case, told without following the history
        ids = {each["snapshot-id"] for each in made}
        found = [Snapshot.model_validate(each) for each in self._history() if each["snapshot-id"] in ids]
        return result_of(self.name, commit_id, found[::-1]) if found else None

    def _history(self) -> Iterator[_Json]:
        """The snapshots of the current history that are still retained, newest first."""
        by_id = {each["snapshot-id"]: each for each in self.document.get("snapshots") or ()}
        snapshot = by_id.get(self.snapshot_id)
        while snapshot is not None:
            yield snapshot
            snapshot = by_id.get(snapshot.get("parent-snapshot-id"))


def _without_past(document: _Json) -> dict[str, Any]:
    refs = document.get("refs") or {}
    wanted = {document.get("current-snapshot-id"), *(each["snapshot-id"] for each in refs.values())}
    kept = [each for each in document.get("snapshots") or () if each["snapshot-id"] in wanted]
    return {**document, "snapshots": kept, "snapshot-log": [], "metadata-log": []}


def _credentials(answer: _Json, location: str) -> dict[str, str]:
    """What the catalog lends for access to the table's files: of several, that of the longest prefix."""
    lent = [each for each in answer.get("storage-credentials") or () if location.startswith(each["prefix"])]
    return dict(max(lent, key=lambda each: len(each["prefix"]))["config"]) if lent else {}
