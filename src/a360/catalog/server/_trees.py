"""Manifest lists and manifests are what was committed, before a table is shown to who will read them."""

from a360.catalog._errors import FileDamagedError
from a360.catalog._wire import Json
from a360.catalog.server._durable import live_files, manifests_in
from a360.catalog.store import CheckedFiles, damaged
from a360.errors import DataError


def require_trees(files: CheckedFiles, document: Json) -> None:
    """Look at what leads to the data of the snapshots that a branch or tag names, once a process.

    Engines parse these files before they could be told of a fault in them. What the ledger does not have
    is left to readers of ours, who open no such file.

    Raises:
        FileDamagedError: One of them is not what was committed.
    """
    wanted = {each["snapshot-id"] for each in (document.get("refs") or {}).values()}
    wanted.add(document.get("current-snapshot-id"))
    try:
        for snapshot in document.get("snapshots") or ():
            if snapshot["snapshot-id"] in wanted and "manifest-list" in snapshot:
                _require_tree(files, snapshot["manifest-list"])
    except DataError as damaged:
        raise FileDamagedError(damaged) from damaged


def require_data(files: CheckedFiles, document: Json) -> None:
    """Look at data and delete files of a table before an engine is shown it, once a process.

    Which of them a query reads, the engine decides later, and it does not ask. A damaged file that only past
    snapshots lead to does not stand in the way; who has read the past asks `require_past`.

    Raises:
        FileDamagedError: One of them is not what was committed.
    """
    folder = files.ledger.name_of(document["location"])
    found = files.unsound(folder) if folder else {}
    if found:
        for path in sorted(found.keys() & _reached(files, document)):
            raise FileDamagedError(damaged(path, found[path]))


def _reached(files: CheckedFiles, document: Json) -> set[str]:
    """The files that branches and tags lead to."""
    wanted = {each["snapshot-id"] for each in (document.get("refs") or {}).values()}
    wanted.add(document.get("current-snapshot-id"))
    reached: set[str] = set()
    for snapshot in document.get("snapshots") or ():
        if snapshot["snapshot-id"] in wanted and "manifest-list" in snapshot:
            for manifest in manifests_in(_content(files, snapshot["manifest-list"])):
                live = live_files(manifest, _content(files, manifest.manifest_path))
                reached |= {name for each in live if (name := files.ledger.name_of(each)) is not None}
    return reached


def _content(files: CheckedFiles, location: str) -> bytes:
    return (files.ledger.warehouse / (files.ledger.name_of(location) or "")).read_bytes()


def _require_tree(files: CheckedFiles, manifest_list: str) -> None:
    name = files.ledger.name_of(manifest_list)
    if name is None or files.is_whole(name):
        return
    files.require([manifest_list], known=True)
    try:
        listed = (files.ledger.warehouse / name).read_bytes()
    except OSError:
        return  # as it never was committed here, nobody has promised that it is there
    manifests = [each.manifest_path for each in manifests_in(listed)]
    files.require(manifests, known=True)
    files.note_whole(name, (files.ledger.name_of(each) or "" for each in manifests))
