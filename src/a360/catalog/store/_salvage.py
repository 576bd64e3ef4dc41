"""What the metadata files alone tell: which tables and views there are, and where each one stands."""

import gzip
import re
import zlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from a360.catalog._errors import BadRequestError
from a360.catalog._wire import Json, decode_object
from a360.catalog.metadata import normal_form
from a360.catalog.store._files import Warehouse, metadata_files
from a360.catalog.store._names import Identifier

_VERSION = re.compile(r"^v?(\d+)")
_SUFFIX = re.compile(r"-[0-9a-f]{8}$")


@dataclass(frozen=True, slots=True)
class Version:
    """A metadata file that can be read.

    Attributes:
        path: Where it lies.
        number: The version its name gives.
        changed: When its content says it was changed, and when the file was written.
        kind: What it describes.
        uuid: The identity of the table or view.
        location: The folder it names as the table's.
        whole: Whether the files it leads to at once are there.
        snapshot_id: The current snapshot.
    """

    path: str
    number: int
    changed: tuple[int, int]
    kind: Literal["table", "view"]
    uuid: str
    location: str
    whole: bool
    snapshot_id: str | None


@dataclass(slots=True)
class Salvaged:
    """A table or view as it was found, and what about it was not certain."""

    identifier: Identifier
    newest: Version
    versions: int
    doubts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Salvage:
    """All that was found.

    Attributes:
        objects: Tables and views, one for each name.
        left_out: Metadata of tables whose name a newer one bears, with the reason.
        unreadable: Files that are no metadata.
    """

    objects: list[Salvaged] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def salvage(warehouse: Warehouse, names: Mapping[str, Identifier]) -> Salvage:
    """Search a warehouse for tables and views.

    Args:
        warehouse: Where they lie.
        names: What an earlier catalog called the tables of these locations; folders alone know no rename.
    """
    found = Salvage()
    by_uuid: defaultdict[str, list[Version]] = defaultdict(list)
    for path in metadata_files(warehouse.folder):
        version = _read(warehouse, path)
        if version is None:
            found.unreadable.append(str(path))
        else:
            by_uuid[version.uuid].append(version)
    by_name: defaultdict[str, list[Salvaged]] = defaultdict(list)
    for versions in by_uuid.values():
        each = _newest(warehouse, versions, names)
        by_name[str(each.identifier)].append(each)
    for rivals in by_name.values():
        rivals.sort(key=lambda each: each.newest.changed)
        winner = rivals.pop()
        found.objects.append(winner)
        for loser in rivals:
            reason = (
                f"{loser.identifier} is the name of a newer {winner.newest.kind}: dropped or renamed before"
            )
            found.left_out.append((loser.newest.path, reason))
    found.objects.sort(key=lambda each: str(each.identifier))
    return found


def _read(warehouse: Warehouse, path: Path) -> Version | None:
    try:
        raw = path.read_bytes()
        document = decode_object(gzip.decompress(raw) if path.name.endswith(".gz.metadata.json") else raw)
        is_view = "view-uuid" in document
        if not is_view:
            document = normal_form(document)
        location = str(document["location"])
        warehouse.path_of(location)
        number = _VERSION.match(path.name)
        return Version(
            path=str(path),
            number=int(number[1]) if number else 0,
            changed=(_changed(document, is_view=is_view), path.stat().st_mtime_ns),
            kind="view" if is_view else "table",
            uuid=str(document["view-uuid" if is_view else "table-uuid"]).lower(),
            location=location,
            whole=is_view or _leads_on(warehouse, document),
            snapshot_id=str(document["current-snapshot-id"]) if document.get("current-snapshot-id") else None,
        )
    except (OSError, EOFError, zlib.error, BadRequestError, KeyError, TypeError, ValueError):
        return None


def _changed(document: Json, *, is_view: bool) -> int:
    if is_view:
        return max(int(each["timestamp-ms"]) for each in document["versions"])
    return int(document.get("last-updated-ms") or 0)


def _leads_on(warehouse: Warehouse, document: Json) -> bool:
    """Whether the current snapshot's manifest list is there: without it no reader gets anywhere."""
    current = document.get("current-snapshot-id")
    for snapshot in document["snapshots"]:
        if snapshot["snapshot-id"] == current and "manifest-list" in snapshot:
            return warehouse.path_of(snapshot["manifest-list"]).is_file()
    return True


def _newest(warehouse: Warehouse, versions: list[Version], names: Mapping[str, Identifier]) -> Salvaged:
    # By time first: a table that was put back to an earlier version counts on from that one's number.
    order = sorted(versions, key=lambda each: (each.whole, each.changed[0], each.number, each.changed[1]))
    newest = order[-1]
    identifier, doubts = _named(warehouse, newest, names)
    broken = [each for each in order if not each.whole and each.changed > newest.changed]
    if not newest.whole:
        doubts.append("the manifest list of its current snapshot is missing: it cannot be read as it is")
    if broken:
        doubts.append(f"{len(broken)} newer versions lead to missing files and were passed over")
    tied = [each for each in order[:-1] if each.whole and each.number >= newest.number]
    if tied:
        others = ", ".join(Path(each.path).name for each in tied)
        doubts.append(f"the latest of several that could be version {newest.number} was taken; not {others}")
    return Salvaged(identifier, newest, len(versions), doubts)


def _named(
    warehouse: Warehouse, version: Version, names: Mapping[str, Identifier]
) -> tuple[Identifier, list[str]]:
    """The name of a table, from the earlier catalog or from its folder."""
    folder = warehouse.path_of(version.location)
    known = names.get(str(folder))
    if known is not None:
        return Identifier(known.namespace, known.name, version.kind), []
    *above, last = folder.relative_to(warehouse.folder).parts
    name, doubts = unquote(_SUFFIX.sub("", last)), []
    if names:
        doubts.append("the earlier catalog did not list it: it was dropped there, or came later")
    if _SUFFIX.search(last):
        doubts.append(f"named {name} after its folder {last}")
    if len(above) != 1:
        doubts.append(
            f"named after the folders {'/'.join((*above, last))}, which it was given by its creator"
        )
    levels = tuple(unquote(level) for part in above or ["default"] for level in part.split("."))
    return Identifier(levels, name, version.kind), doubts
