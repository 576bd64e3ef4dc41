"""Manifest lists and manifests are what was committed, before a table is shown to who will read them."""

from a360.catalog._errors import FileDamagedError
from a360.catalog._wire import Json
from a360.catalog.server._durable import manifests_in
from a360.catalog.store import CheckedFiles
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
