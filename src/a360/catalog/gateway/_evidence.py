"""Whether a commit has landed, read off the table."""

from collections.abc import Sequence
from dataclasses import dataclass

from a360.catalog import metadata
from a360.catalog._errors import RestError
from a360.catalog._wire import Json, Reply, Request, decode_object
from a360.catalog.gateway._exchange import Exchange
from a360.catalog.gateway._policy import NOT_FOUND


@dataclass(frozen=True, slots=True)
class TableChange:
    """What a commit asks of one table, and where the table is read."""

    table: str
    path: str
    requirements: Sequence[Json]
    updates: Sequence[Json]

    @property
    def added_snapshots(self) -> frozenset[int]:
        """Ids of the snapshots it adds; writers draw them at random, so they name the commit."""
        return frozenset(
            each["snapshot"]["snapshot-id"] for each in self.updates if each.get("action") == "add-snapshot"
        )

    @property
    def created_uuid(self) -> str | None:
        """The identity of the table it creates, None where it creates none."""
        if not metadata.asks_to_create(self.requirements):
            return None
        return next((each["uuid"] for each in self.updates if each.get("action") == "assign-uuid"), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """What reading a table told.

    Attributes:
        landed: Whether the change is in the table; None where the table could not be read.
        hopeless: Whether the change cannot land any more, however late a copy of it still on its way arrives.
        table: The table as it was read.
    """

    landed: bool | None
    hopeless: bool = False
    table: Reply | None = None


def look(exchange: Exchange, change: TableChange, *, by_effect: bool) -> Finding:
    """Read a table and say whether a change has landed in it.

    Args:
        exchange: The way to the catalog.
        change: What was asked of the table.
        by_effect: Whether a change that adds no snapshot and creates no table counts as landed when carrying
            it out now would alter nothing.
    """
    reply = exchange.read(Request("GET", change.path))
    if reply is None or (not reply.ok and reply.status != NOT_FOUND):
        return Finding(None)
    try:
        document = metadata.normal_form(reply_document(reply)) if reply.ok else None
    except RestError:
        return Finding(None)
    landed = document is not None and _landed(document, change, by_effect=by_effect)
    return Finding(landed, hopeless=not landed and _hopeless(document, change), table=reply)


def reply_document(reply: Reply) -> Json:
    """The table metadata in an answer."""
    document = decode_object(reply.body).get("metadata")
    return document if isinstance(document, dict) else {}


def _landed(document: Json, change: TableChange, *, by_effect: bool) -> bool:
    added, created = change.added_snapshots, change.created_uuid
    if created is not None:
        return bool(str(document.get("table-uuid", "")).lower() == created.lower())
    if added:
        return added <= {each["snapshot-id"] for each in document["snapshots"]}
    return by_effect and _is_done(document, change.updates)


def _is_done(document: Json, updates: Sequence[Json]) -> bool:
    try:
        return metadata.apply_updates(document, updates) is document
    except RestError:
        return False


def _hopeless(document: Json | None, change: TableChange) -> bool:
    """Whether the table's state rules the change out: a requirement fails, or an update cannot be applied."""
    try:
        metadata.check_requirements(document, change.requirements)
        if document is None:
            return not metadata.asks_to_create(change.requirements)
        metadata.apply_updates(document, change.updates)
    except RestError:
        return True
    return False
